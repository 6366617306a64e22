package reconcile

import (
	"context"
	"path"
	"strings"
)

// An edit is a change of the directory that a person has made through us.
type edit struct {
	deleted map[string]bool // objects of which a person deleted files
	done    chan Result
}

// Edited looks at the directory at once, for a person who has just changed it, and waits until
// that is done. Of the files that he removed there is no doubt that they are meant to be gone, so
// that their deletion does not wait; that of others does. The result is that of the last load:
// whether the change is in force its problems say. While a bundle is in force nothing is loaded.
//
// It may be called from any goroutine, while Run runs. The error is ctx's: nobody knows yet.
func (r *Reconciler) Edited(ctx context.Context, removed []string) (Result, error) {
	e := edit{deleted: objectsOf(removed), done: make(chan Result, 1)}
	select {
	case r.edits <- e:
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	select {
	case result := <-e.done:
		return result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// objectsOf returns the names of objects that consist of files, as load calls them: ca/NAME and
// radius/NAME without their extension, server/NAME and saml/NAME as their folder, users as the file.
func objectsOf(files []string) map[string]bool {
	objects := map[string]bool{}
	for _, file := range files {
		objects[file], objects[strings.TrimSuffix(file, path.Ext(file))] = true, true
		if parts := strings.SplitN(file, "/", 3); len(parts) == 3 {
			objects[parts[0]+"/"+parts[1]] = true
		}
	}
	return objects
}

// answer tells who waits what came of his change, and ends what was known of it.
func (r *Reconciler) answer(e *edit) {
	if e == nil {
		return
	}
	r.deleted.meant = nil
	e.done <- r.Last()
}
