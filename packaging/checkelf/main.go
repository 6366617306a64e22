// Checkelf refuses a release binary that is not what every gateway can run: static, stripped,
// built for the machine that its name says, and within the size budget. It needs nothing but
// Go, so it runs wherever the build ran.
package main

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxBytes is the budget of a stripped binary: 20 MB.
const maxBytes = 20_000_000

// A target is what a binary's name promises.
type target struct {
	machine elf.Machine
	class   elf.Class
	arm     string // GOARM, of ARM only
}

// targets has the names after "gatehouse-linux-", those of cross-build.sh.
var targets = map[string]target{
	"amd64": {machine: elf.EM_X86_64, class: elf.ELFCLASS64},
	"386":   {machine: elf.EM_386, class: elf.ELFCLASS32},
	"arm64": {machine: elf.EM_AARCH64, class: elf.ELFCLASS64},
	"armv6": {machine: elf.EM_ARM, class: elf.ELFCLASS32, arm: "6"},
	"armv7": {machine: elf.EM_ARM, class: elf.ELFCLASS32, arm: "7"},
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: checkelf dist/gatehouse-linux-ARCH …")
		os.Exit(2)
	}
	code := 0
	for _, path := range os.Args[1:] {
		size, err := check(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			code = 1
			continue
		}
		fmt.Printf("%s: static, stripped, %.1f MB\n", path, float64(size)/1e6)
	}
	os.Exit(code)
}

// check returns the size in bytes of the binary at path, and everything that is wrong with it.
func check(path string) (int64, error) {
	name := strings.TrimPrefix(filepath.Base(path), "gatehouse-linux-")
	want, ok := targets[name]
	if !ok {
		return 0, fmt.Errorf("no target is called %q", name)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	problems := []error{linkage(f), architecture(f, path, want)}
	if info.Size() > maxBytes {
		problems = append(problems, fmt.Errorf("%d bytes, more than %d", info.Size(), maxBytes))
	}
	return info.Size(), errors.Join(problems...)
}

// linkage says what makes f need something of the system, or carry what nobody reads.
func linkage(f *elf.File) error {
	var problems []error
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			problems = append(problems, fmt.Errorf("is not static: has %v", p.Type))
		}
	}
	for _, s := range f.Sections {
		if s.Name == ".symtab" || strings.HasPrefix(s.Name, ".debug_") {
			problems = append(problems, fmt.Errorf("is not stripped: has %s", s.Name))
			break
		}
	}
	return errors.Join(problems...)
}

// architecture says where f, which lies at path, differs from want.
func architecture(f *elf.File, path string, want target) error {
	if f.Machine != want.machine || f.Class != want.class {
		return fmt.Errorf("is for %v %v, want %v %v", f.Machine, f.Class, want.machine, want.class)
	}
	build, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading build information: %w", err)
	}
	got := map[string]string{}
	for _, s := range build.Settings {
		got[s.Key] = s.Value
	}
	if got["CGO_ENABLED"] != "0" {
		return errors.New("was built with cgo")
	}
	if level, _, _ := strings.Cut(got["GOARM"], ","); level != want.arm {
		return fmt.Errorf("is for GOARM=%s, want %s", level, want.arm)
	}
	return nil
}
