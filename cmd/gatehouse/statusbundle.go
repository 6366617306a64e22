package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"gatehouse/appliance"
)

// printBundle says which bundle is in force and what is wrong with others; nothing where nobody has
// ever brought one.
func printBundle(out *bytes.Buffer, b appliance.Bundle, now time.Time) {
	head := "bundle         "
	switch v := b.InForce; {
	case v != nil:
		fmt.Fprintf(out, "%s%s serial %d, hash %s, signed by %s (%s), in force %s\n", head, v.BundleID, v.Serial,
			v.SHA256[:min(8, len(v.SHA256))], v.Signer.Name, v.Signer.ID, relative(v.Since, now))
		if !v.Confirmed {
			fmt.Fprintln(out, "  on trial")
		}
		if v.Expired {
			fmt.Fprintf(out, "  YELLOW: it expired on %s: a newer one should be in its place\n",
				v.Expires.UTC().Format(time.DateOnly))
		}
		if v.Refused > 0 {
			fmt.Fprintf(out, "  of %d people who signed in lately, %d are refused since\n", v.Looked, v.Refused)
		}
	case b.RequireSigned || b.Refused != nil || b.Pull != nil || len(b.Keys) > 0:
		fmt.Fprintf(out, "%s%s\n", head, whatCounts(b))
	}
	for _, bad := range []string{b.Damaged, b.Problem} {
		if bad != "" {
			fmt.Fprintf(out, "  RED: %s\n", bad)
		}
	}
	for _, name := range b.Waiting {
		fmt.Fprintf(out, "  %s waits for its signature, %s%s\n", name, name, signatureExt)
	}
	for _, text := range b.Strays {
		fmt.Fprintf(out, "  YELLOW: not taken from incoming: %s; copy the file itself there\n", text)
	}
	if n := len(b.Ignored); n > 0 {
		fmt.Fprintf(out, "  %s ignored: %s%s\n", count(n, "loose file"), strings.Join(b.Ignored[:min(n, 3)], ", "),
			map[bool]string{true: ", …"}[n > 3])
	}
	printRefusal(out, "  refused: ", b.Refused, now)
	if p := b.Pull; p != nil {
		printPull(out, p.Address, p.Error, p.LastSuccess, now)
	}
}

func printPull(out *bytes.Buffer, address, failure string, last, now time.Time) {
	if failure != "" {
		fmt.Fprintf(out, "  YELLOW: fetching from %s fails, last done %s: %s\n", address, relative(last, now), failure)
		return
	}
	fmt.Fprintf(out, "  fetched from %s, last asked %s\n", address, relative(last, now))
}
