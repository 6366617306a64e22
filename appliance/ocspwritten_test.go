package appliance_test

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"
)

// TestNothingIsWrittenForNothing lets a device in 10,000 times whose standing is known: for that
// not a byte goes to the disk, and nobody is asked. Some sign-ins are real, in full and resumed;
// the others take the same way from the decision on.
func TestNothingIsWrittenForNothing(t *testing.T) {
	t.Parallel()
	const times, real = 10_000, 400
	s, r := newOCSPSite(t, "")
	s.start()
	warm := s.device("1.3")
	s.signIn(warm, "accepted", false)
	s.eventually("kept", func() bool { return must(s.appliance.KeptAnswers())(t) == 1 })
	before, files := s.store(), s.stateFiles()
	for _, resume := range []bool{false, true} {
		load := must(supplicant.NewLoad(supplicant.LoadConfig{
			Config: warm, Count: real / 2, Parallel: 4, Resume: resume,
		}))(t)
		if report := load.Run(t.Context()); !report.OK() {
			t.Fatalf("%d of %d accepted: %+v", report.Accepted, report.Finished, report.Reasons)
		}
	}
	for range times - real {
		if !s.appliance.AcceptAgain("wifi", []*x509.Certificate{warm.Certificate.Leaf}) {
			t.Fatal("it was not accepted again")
		}
	}
	after := s.store()
	if after.BytesWritten != before.BytesWritten || after.Records != before.Records {
		t.Errorf("%d authentications that change nothing wrote %d bytes in %d records", times,
			after.BytesWritten-before.BytesWritten, after.Records-before.Records)
	}
	if now := s.stateFiles(); now != files {
		t.Errorf("files were written:\n%s\nwere\n%s", now, files)
	}
	if n := r.count("good"); n != 1 {
		t.Errorf("the responder was asked %d times, want once", n)
	}
	if before.BytesWritten == 0 || strings.Count(files, "\n") < 5 {
		t.Errorf("got %d bytes written at first, to\n%s\nwhat counts them is broken", before.BytesWritten, files)
	}
}

// stateFiles lists the files of the state directory, with size and the time of the last write.
func (s *site) stateFiles() string {
	s.t.Helper()
	var b strings.Builder
	err := fs.WalkDir(os.DirFS(s.state), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintf(&b, "%s %d bytes, %s\n", path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}
