package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() }) // it may be closed already
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() }) // likewise
	return person, program
}

// typist answers every prompt on a terminal with the next line, and returns all that was shown.
func typist(person io.ReadWriter, lines ...string) <-chan string {
	shown := make(chan string, 1)
	go func() {
		var all strings.Builder
		for buf := make([]byte, 256); ; {
			n, err := person.Read(buf)
			all.Write(buf[:n])
			if err != nil {
				shown <- all.String()
				return
			}
			if strings.HasSuffix(all.String(), ": ") && len(lines) > 0 {
				_, _ = io.WriteString(person, lines[0]+"\n") // read back above, if it is shown
				lines = lines[1:]
			}
		}
	}()
	return shown
}

// TestPasswordIsNotShown asks on a terminal, twice, and leaves the terminal as it was.
func TestPasswordIsNotShown(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		want, wantErr       string
	}{
		{"same", "correct horse ", "correct horse ", "correct horse ", ""},
		{"different", "correct horse", "correct house", "", "two different passwords"},
		{"short", "horse", "horse", "", "fewer than 8 characters"},
		{"letters", "öäüöäüö", "öäüöäüö", "", "fewer than 8 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			person, program := openTerminal(t)
			shown := typist(person, tt.first, tt.second)
			before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readNewPassword(program, program)
			if got != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.wantErr)
			}
			after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil || *after != *before {
				t.Errorf("the terminal is not what it was: %+v, %v; was %+v", after, err, before)
			}
			if err := program.Close(); err != nil { // ends the reading of the typist
				t.Fatal(err)
			}
			text := <-shown
			if strings.Contains(text, tt.first) || !strings.Contains(text, "Password: ") || !strings.Contains(text, "again: ") {
				t.Errorf("shown: %q", text)
			}
		})
	}
}

// TestHashIsOfThePassword computes it again from what it says of itself.
func TestHashIsOfThePassword(t *testing.T) {
	hash := hashPassword("correct horse")
	var encoded string
	if _, err := fmt.Sscanf(hash, "$argon2id$v=19$m=19456,t=2,p=1$%s", &encoded); err != nil {
		t.Fatalf("%q: %v", hash, err)
	}
	salt, sum, _ := strings.Cut(encoded, "$")
	again := func(password string) string {
		raw, err := base64.RawStdEncoding.DecodeString(salt)
		if err != nil || len(raw) != 16 {
			t.Fatalf("salt %q: %v", salt, err)
		}
		return base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), raw, 2, 19*1024, 1, 32))
	}
	if again("correct horse") != sum || again("correct house") == sum || hashPassword("correct horse") == hash {
		t.Errorf("%q is no hash of the password, or without a salt", hash)
	}
}
