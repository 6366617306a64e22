package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // the scripts check modes
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mode": mode, "json": jsonField, "eventually": eventually, "finds": finds,
		},
		Setup: func(e *testscript.Env) error {
			// The race detector would hold up every ending program for a second.
			e.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
			e.Setenv("GOOS", runtime.GOOS)
			e.Setenv("GOARCH", runtime.GOARCH)
			wd, err := os.Getwd()
			e.Setenv("CONFIGDIRS", wd+"/../../testdata/configdirs")
			return err
		},
		RequireExplicitExec: true,
	})
}

// exits runs a program that must end with the given code: exits CODE PROGRAM [ARGS…].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// eventually repeats a program until it succeeds: eventually PROGRAM [ARGS…].
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually PROGRAM [ARGS…]")
	}
	repeat(ts, args, func(err error) bool { return err == nil })
}

// finds repeats a program until its stdout holds a text: finds TEXT PROGRAM [ARGS…].
func finds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: finds TEXT PROGRAM [ARGS…]")
	}
	repeat(ts, args[1:], func(error) bool { return strings.Contains(ts.ReadFile("stdout"), args[0]) })
}

func repeat(ts *testscript.TestScript, args []string, enough func(error) bool) {
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !enough(ts.Exec(args[0], args[1:]...)) {
		select {
		case <-deadline:
			ts.Fatalf("not in time: %s", strings.Join(args, " "))
		case <-tick.C:
		}
	}
}

// mode checks permissions: mode 0600 FILE….
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode MODE FILE…")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := info.Mode().Perm(); got != fs.FileMode(want) {
			ts.Fatalf("%s has mode %#o, want %#o", file, got, want)
		}
	}
}

// jsonField checks one field of the JSON value on stdout: json PATH WANT. The path is made of
// keys and indexes with dots between; "len" as the last one is the length of a list.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH WANT")
	}
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	ts.Check(d.Decode(&v))
	if d.More() {
		ts.Fatalf("stdout holds more than one JSON value")
	}
	for _, key := range strings.Split(args[0], ".") {
		v = jsonStep(v, key)
	}
	if got := fmt.Sprint(v); (got == args[1]) == neg {
		ts.Fatalf("%s is %q, compared with %q", args[0], got, args[1])
	}
}

func jsonStep(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[key]
	case []any:
		if key == "len" {
			return len(v)
		}
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}
