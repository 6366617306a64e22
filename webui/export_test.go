package webui

import "gatehouse/authcore/policy"

// AccessOf returns the table of routes: by pattern, who may call it.
func AccessOf(c Config) map[string]string {
	names := map[access]string{public: "public", local: "local"}
	for a, scope := range scopes {
		names[a] = string(scope)
	}
	table := map[string]string{}
	for _, r := range routes(c, newAPI(c.Backend)) {
		table[r.pattern] = names[r.access]
	}
	return table
}

// RolesOf returns what people who are signed in need: by pattern of the API and of the pages, ""
// being nothing for a page and no way in for the API.
func RolesOf(c Config) (api, pages map[string]policy.Role) {
	api, pages = map[string]policy.Role{}, map[string]policy.Role{}
	for _, r := range routes(c, newAPI(c.Backend)) {
		if r.access != public {
			api[r.pattern] = r.role
		}
	}
	for _, r := range pageRoutes(newPages(newEntry(c.People), newAPI(c.Backend))) {
		pages[r.pattern] = r.role
	}
	return api, pages
}

// Assets returns the sizes in bytes, compressed, of what pages load, by address.
func Assets() (map[string]int, error) {
	assets, err := readAssets(staticFiles)
	sizes := map[string]int{}
	for _, a := range assets {
		sizes[a.address] = len(a.gzipped)
	}
	return sizes, err
}

// What viewers see of people, as text.
var (
	ShortIdentity = shortIdentity
	ShortStation  = shortStation
	ShortText     = shortText
)
