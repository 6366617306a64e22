package reconcile_test

import (
	"os"
	"path/filepath"
	"time"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// scenario is something that is cut short at every step of it.
type scenario struct {
	name   string
	seed   func(*box) // makes the state that it begins with; ends with a stop
	act    func(*box) // from a start on
	fails  string     // whose trial fails
	spoilt string     // what is damaged on the disk to begin with
	before string     // what may be in force after the cut, beside after
	after  string     // what comes into force in the end
	again  func(*box) // has what was cut short done again; nil: the bundle after is brought again
	byHand bool       // only a person can have it done again
	check  func(*box) // what else is to be seen in the end; nil: nothing
}

// history brings bundles one after the other.
func history(names ...string) func(*box) {
	return func(b *box) {
		b.start()
		for _, name := range names {
			time.Sleep(time.Minute)
			b.bring(name)
			b.wants(name)
		}
		b.stop()
	}
}

// arrived has a bundle arrive while the process is down.
func arrived(name string, seed func(*box)) func(*box) {
	return func(b *box) {
		seed(b)
		b.w.place(b.t, b.state, name)
	}
}

// leave starts and has a person leave what is in force.
func leave(to string) func(*box) {
	return func(b *box) {
		b.start()
		// What comes of it, what is in force afterwards says.
		_ = b.RollBack(b.t.Context(), reconcile.Rollback{To: to, By: "alice", Reason: "VLANs are wrong"})
	}
}

// leaveAgain has the person do it again if it was not done, and the bundle brought again from
// elsewhere: what somebody has left is not taken again.
func leaveAgain(to, from string) func(*box) {
	return func(b *box) {
		if got, _ := b.w.identify(b.holder.Load()); got == from {
			if err := b.RollBack(b.t.Context(), reconcile.Rollback{To: to, By: "alice", Reason: "again"}); err != nil {
				b.t.Fatalf("%v\n%s", err, b.lines())
			}
		}
		b.bring(from)
	}
}

// refuses has a bundle brought that is not taken.
func refuses(name string, code bundle.Code) func(*box) {
	return func(b *box) {
		before, _ := b.w.identify(b.holder.Load())
		b.bring(name)
		b.wants(before)
		if r := b.Bundles().Refused; r == nil || r.Code != code {
			b.t.Errorf("bundle %s is refused with %+v, want %s\n%s", name, r, code, b.lines())
		}
	}
}

func scenarios() []*scenario {
	return []*scenario{{
		name: "activation", seed: arrived("43", history("40", "41", "42")),
		act: (*box).start, before: "42", after: "43",
		check: refuses("42", bundle.SerialOld),
	}, {
		name: "failed trial", seed: arrived("43", history("41", "42")), fails: "43",
		act: (*box).start, before: "43", after: "42", again: func(b *box) { b.bring("43") },
		check: refuses("43", reconcile.CodeRolledBack),
	}, {
		name: "rollback by a person", seed: history("41", "42", "43"),
		act: leave(""), before: "43", after: "42", byHand: true, again: leaveAgain("", "43"),
		check: refuses("43", reconcile.CodeRolledBack),
	}, {
		name: "rollback to loose files", seed: history("42", "43"),
		act: leave(reconcile.Loose), before: "43", after: loose, byHand: true, again: leaveAgain(reconcile.Loose, "43"),
		check: refuses("43", reconcile.CodeRolledBack),
	}, {
		name: "key rotation", seed: arrived("rotating", history("41", "42")),
		act: (*box).start, before: "42", after: "rotating", check: rotated,
	}, {
		name: "first bundle", seed: arrived("43", history()),
		act: (*box).start, before: loose, after: "43",
	}, {
		name: "first bundle fails", seed: arrived("43", history()), fails: "43",
		act: (*box).start, before: "43", after: loose, again: func(b *box) { b.bring("43") },
		check: refuses("43", reconcile.CodeRolledBack),
	}, {
		name: "damaged version", seed: arrived("43", damaged("43", history("41", "42", "43"))), spoilt: "43",
		act: (*box).start, before: "42", after: "43",
	}, {
		name: "start too often", seed: killedOnTrial("43", history("41", "42")),
		act: (*box).start, before: "43", after: "42", again: func(b *box) { b.bring("43") },
		check: refuses("43", reconcile.CodeRolledBack),
	}, {
		name: "start after a crash", seed: leftovers("43", history("42", "43")),
		act: (*box).start, before: "43", after: "43",
	}}
}

// rotated checks whose signatures count after a rotation.
func rotated(b *box) {
	refuses("old44", bundle.UnknownKey)(b)
	b.bring("44")
	b.wants("44")
}

// damaged truncates the archive of a version.
func damaged(name string, seed func(*box)) func(*box) {
	return func(b *box) {
		seed(b)
		archive := filepath.Join(b.state, "versions", b.w.version(name), "bundle.tar.gz")
		if err := os.Truncate(archive, 99); err != nil {
			b.t.Fatal(err)
		}
	}
}

// killedOnTrial has a bundle arrive that ends the process three times.
func killedOnTrial(name string, seed func(*box)) func(*box) {
	return func(b *box) {
		seed(b)
		b.w.place(b.t, b.state, name)
		b.hang = true
		for range 3 {
			b.start()
			b.stop()
		}
		b.hang = false
	}
}

// leftovers are of processes that were killed: the version that counts is set aside, another one
// half-written, one half-deleted.
func leftovers(name string, seed func(*box)) func(*box) {
	return func(b *box) {
		seed(b)
		in := func(parts ...string) string { return filepath.Join(append([]string{b.state}, parts...)...) }
		version := b.w.version(name)
		err := os.Rename(in("versions", version), in("versions", ".old-"+version))
		for _, dir := range []string{".new-000044-0123abcd", ".old-" + b.w.version("42"), ".open-77"} {
			if err == nil {
				err = os.Mkdir(in("versions", dir), 0o700)
			}
			if err == nil {
				err = os.WriteFile(in("versions", dir, "bundle.tar.gz"), []byte("half"), 0o600)
			}
		}
		if err == nil {
			err = os.WriteFile(in("incoming", ".push-77"), []byte("half"), 0o600)
		}
		if err == nil {
			err = os.Symlink("versions/000044-0123abcd", in(".current.new"))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}
