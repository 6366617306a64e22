package appliance

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"gatehouse/sync/reconcile"
)

// bundleMetrics says which bundle counts, since when and how long, and how those that arrived
// ended. Label values were signed by a trusted key.
func (a *Appliance) bundleMetrics(b *bytes.Buffer) {
	state := a.reconciler.Bundles()
	v, signed := state.Version()
	fmt.Fprintf(b, "gatehouse_bundle_serial %d\n", v.Serial)
	fmt.Fprintf(b, "gatehouse_bundle_damaged %d\n", boolean(state.Damaged != ""))
	fmt.Fprintf(b, "gatehouse_bundle_stuck %d\n", boolean(state.Err != ""))
	if signed {
		fmt.Fprintf(b, "gatehouse_bundle_info{id=%q,serial=\"%d\",signer=%q,sha256=%q,confirmed=\"%t\"} 1\n",
			v.BundleID, v.Serial, v.Signer, v.SHA256, v.Confirmed)
		fmt.Fprintf(b, "gatehouse_bundle_since_seconds %d\n", v.Since.Unix())
		fmt.Fprintf(b, "gatehouse_bundle_expired %d\n", boolean(a.isExpired(v.VersionRecord)))
		if !v.Expires.IsZero() {
			fmt.Fprintf(b, "gatehouse_bundle_expires_seconds %d\n", v.Expires.Unix())
		}
	}
	for _, result := range []string{reconcile.Applied, reconcile.Refused, reconcile.RolledBack, reconcile.Unchanged} {
		fmt.Fprintf(b, "gatehouse_bundle_apply_total{result=%q} %d\n", result, state.Settled[result])
	}
	for _, id := range slices.Sorted(maps.Keys(state.Serials)) {
		fmt.Fprintf(b, "gatehouse_bundle_highest_serial{key=%q} %d\n", id, state.Serials[id])
	}
	if a.fetcher == nil {
		return
	}
	f := a.fetcher.Status()
	fmt.Fprintf(b, "gatehouse_fetch_failing %d\n", boolean(f.Err != ""))
	fmt.Fprintf(b, "gatehouse_fetch_requests_total %d\ngatehouse_fetch_bytes_total %d\n"+
		"gatehouse_fetch_not_modified_total %d\ngatehouse_fetch_failures_total %d\n",
		f.Requests, f.Bytes, f.NotModified, f.Failures)
	if !f.LastSuccess.IsZero() {
		fmt.Fprintf(b, "gatehouse_fetch_last_success_seconds %d\n", f.LastSuccess.Unix())
	}
}

// isExpired reports whether a newer bundle should be in the place of this one, as far as the
// clock is believed. It is no reason to stop: a branch without WAN has to go on.
func (a *Appliance) isExpired(v reconcile.VersionRecord) bool {
	now, sure := a.clock.Now()
	return sure && !v.Expires.IsZero() && !now.Before(v.Expires)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
