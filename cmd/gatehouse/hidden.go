package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// canHide reports whether f is a terminal, which can be told not to show what is typed.
func canHide(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// readHidden reads a line from a terminal that does not show it meanwhile. It owns SIGINT and
// SIGTERM while it reads, so that the terminal is as it was whatever ends the program.
func readHidden(terminal *os.File, out io.Writer, prompt string) (_ string, err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", fmt.Errorf("asking the terminal: %w", err)
	}
	hidden := *before
	hidden.Lflag = hidden.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	restore := func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, before) }
	defer restoreOnSignal(restore)()
	if err := unix.IoctlSetTermios(fd, unix.TCSETSF, &hidden); err != nil { // what was typed too early was shown
		return "", fmt.Errorf("asking the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, restore()) }()
	_, _ = fmt.Fprint(out, prompt) // who does not see it is not kept from typing
	line, err := readLine(terminal, maxPassword+2)
	_, _ = fmt.Fprintln(out) // in the place of the one that was not shown
	return line, err
}

// restoreOnSignal has a signal that would end the program do so after restore. The function that
// it returns ends that.
func restoreOnSignal(restore func() error) func() {
	signals, done, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		defer close(ended)
		select {
		case s := <-signals:
			_ = restore() // nobody is left to tell
			signal.Reset(syscall.SIGINT, syscall.SIGTERM)
			_ = unix.Kill(os.Getpid(), s.(syscall.Signal)) // of Notify, it is one
		case <-done:
		}
	}()
	return func() { signal.Stop(signals); close(done); <-ended }
}

// readLine reads one line of at most most bytes, byte by byte: what is behind it is not ours.
func readLine(r io.Reader, most int) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < most; {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			break
		}
		line = append(line, b[:n]...)
		if errors.Is(err, io.EOF) && len(line) > 0 {
			break
		}
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}

// firstWholeLine returns the first line of a text, with whatever spaces are in it.
func firstWholeLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}
