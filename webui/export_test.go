package webui

// AccessOf returns the table of routes: by pattern, who may call it.
func AccessOf(c Config) map[string]string {
	names := map[access]string{public: "public", local: "local"}
	for a, scope := range scopes {
		names[a] = string(scope)
	}
	table := map[string]string{}
	for _, r := range routes(c) {
		table[r.pattern] = names[r.access]
	}
	return table
}
