package contents

import (
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// MaxRows bounds each list of changes.
const MaxRows = 200

// Files adds to c which files are different in b.
func Files(c *webui.BundleChanges, a, b *List) {
	add := func(op load.Op, o *webui.BundleObject) {
		if len(c.Objects) == MaxRows {
			c.MoreObjects++
			return
		}
		c.Objects = append(c.Objects, webui.BundleFileChange{Op: string(op), Path: o.Path, Kind: o.Kind})
	}
	for i, j := 0, 0; i < len(a.Objects) || j < len(b.Objects); {
		switch {
		case j == len(b.Objects) || i < len(a.Objects) && a.Objects[i].Path < b.Objects[j].Path:
			add(load.Removed, &a.Objects[i])
			i++
		case i == len(a.Objects) || a.Objects[i].Path > b.Objects[j].Path:
			add(load.Added, &b.Objects[j])
			j++
		default:
			if a.sums[i] != b.sums[j] {
				add(load.Changed, &b.Objects[j])
			}
			i, j = i+1, j+1
		}
	}
}

// Meaning adds to c what b means other than a: the keys that may sign from then on first, for a key
// that was removed never comes back.
func Meaning(c *webui.BundleChanges, a, b *snapshot.Draft, before, after []bundle.TrustedKey) error {
	changes, users, err := load.DiffCounting(a, b)
	if err != nil {
		return err
	}
	c.Users = webui.BundleUserChanges(users)
	added, removed := bundle.KeyChanges(before, after)
	addKeys(c, load.Added, added)
	addKeys(c, load.Removed, removed)
	for i := range changes {
		addChange(c, &changes[i])
	}
	return nil
}

func addKeys(c *webui.BundleChanges, op load.Op, keys []bundle.TrustedKey) {
	for _, k := range keys {
		addChange(c, &load.Change{Op: op, Kind: "trusted key", Name: k.ID()})
	}
}

func addChange(c *webui.BundleChanges, change *load.Change) {
	list, more := &c.Changes, &c.MoreChanges
	if change.Kind == "account" || change.Kind == "token" {
		list, more = &c.Access, new(int)
		c.AccessChanged++
	}
	if len(*list) == MaxRows {
		*more++
		return
	}
	*list = append(*list, webui.BundleChange{Op: string(change.Op), Kind: change.Kind, Name: change.Name,
		Of: change.Of, Text: change.Text, Secret: change.Secret})
}
