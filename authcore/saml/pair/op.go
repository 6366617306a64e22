package pair

import (
	"fmt"
	"io"
	"log/slog"
	"path"
	"time"
)

// Names of an app's files, below saml/APP.
const (
	CertificateFile         = "certificate.pem"
	KeyFile                 = "key.pem"
	NextCertificateFile     = "next/certificate.pem"
	NextKeyFile             = "next/key.pem"
	PreviousCertificateFile = "previous/certificate.pem"
	PreviousKeyFile         = "previous/key.pem"
	PreviousSinceFile       = "previous/since.yaml" // since: 2006-01-02T15:04:05Z
)

// An OpKind says what an Op does.
type OpKind uint8

// The kinds.
const (
	Write OpKind = iota + 1
	Rename
	Erase
)

func (k OpKind) String() string {
	switch k {
	case Write:
		return "write"
	case Rename:
		return "rename"
	case Erase:
		return "erase"
	}
	return "unknown"
}

// An Op is one step on the disk. Whoever carries a Change out takes its Ops in their order,
// makes each last (fsync of file and directory) before the next, and stops at the first that
// fails. Wherever that is, what Read and Repair make of the files is the state before or after
// the Change, and no key of an active pair is lost.
//
//   - Write puts Data at Path as a whole (a file beside it, fsync, rename), making directories
//     (0700) as needed, with mode 0600 if Secret and 0644 otherwise.
//   - Rename moves Path to To, replacing what stands there.
//   - Erase removes Path; it is well if there is none.
//
// What a key file held before is overwritten when it is replaced or erased (opened first,
// overwritten through the open file after), for what that is worth on flash.
type Op struct {
	Kind   OpKind
	Path   string // slash-separated, below the configuration directory, as "saml/mail/key.pem"
	To     string // of Rename
	Secret bool   // a private key is in the file
	data   []byte
}

// Data is what Write writes. The caller does not change it, nor show it if the Op is Secret.
func (o Op) Data() []byte { return o.data }

// String, GoString, Format and LogValue name the files and never what is in them.
func (o Op) String() string {
	if o.Kind == Rename {
		return fmt.Sprintf("rename %s to %s", o.Path, o.To)
	}
	return o.Kind.String() + " " + o.Path
}
func (o Op) GoString() string           { return o.String() }
func (o Op) LogValue() slog.Value       { return slog.StringValue(o.String()) }
func (o Op) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) } // fmt reports it

// A Change is a transition: the set as it will be, and the steps that make it so. Ops is empty
// if nothing changes.
type Change struct {
	Set Set
	Ops []Op
}

// A plan gathers the steps of a change.
type plan struct {
	dir string
	ops []Op
	err error
}

func planFor(app string) *plan {
	p := &plan{dir: path.Join("saml", app)}
	if !isApp(app) {
		p.err = ErrApp
	}
	return p
}

func (p *plan) erase(name string) {
	p.ops = append(p.ops, Op{Kind: Erase, Path: path.Join(p.dir, name), Secret: isKeyFile(name)})
}

func (p *plan) rename(from, to string) {
	p.ops = append(p.ops, Op{
		Kind: Rename, Path: path.Join(p.dir, from), To: path.Join(p.dir, to), Secret: isKeyFile(to),
	})
}

func (p *plan) write(name string, data []byte) {
	p.ops = append(p.ops, Op{
		Kind: Write, Path: path.Join(p.dir, name), Secret: isKeyFile(name), data: data,
	})
}

func (p *plan) writeKey(name string, key *Key) {
	data, err := key.PEM()
	if err != nil {
		p.err = err
		return
	}
	p.write(name, data)
}

func (p *plan) writeSince(since time.Time) {
	p.write(PreviousSinceFile, []byte("since: "+since.UTC().Format(time.RFC3339)+"\n"))
}

// done is the change to set, or what kept a step from being planned.
func (p *plan) done(set Set) (Change, error) {
	if p.err != nil {
		return Change{}, fmt.Errorf("planning for app %.64q: %w", set.App, p.err)
	}
	return Change{Set: set, Ops: p.ops}, nil
}

func isKeyFile(name string) bool { return path.Base(name) == KeyFile }
