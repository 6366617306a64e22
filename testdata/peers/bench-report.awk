# Read by bench.sh: turns its measurements into two tables. Lines, by first word:
#   cpu SCENARIO ROUND SERVER MS WANTED OK REQUESTS BYTES RESUMED    one load
#   start SCENARIO SERVER MS IDLE_KIB                                one start
#   after SCENARIO SERVER KIB                                        resident after all rounds
function median(list,   n, v, i, j, x) {
	n = split(list, v, " ")
	if (n == 0) return ""
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j > 0 && v[j] + 0 > x; j--) v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function known(list, word) { return index(" " list " ", " " word " ") > 0 }
$1 == "cpu" {
	key = $2 SUBSEP $4
	if (!known(scenarios, $2)) scenarios = scenarios " " $2
	wanted[key] += $6; ok[key] += $7; requests[key] += $8; bytes[key] += $9; resumed[key] += $10
	if ($7 > 0) {
		each[$2, $3, $4] = $5 / $7
		cpu[key] = cpu[key] " " $5 / $7
	}
	if (!known(rounds[$2], $3)) rounds[$2] = rounds[$2] " " $3
}
$1 == "start" {
	if (!known(servers, $3)) servers = servers " " $3
	started[$2, $3] = started[$2, $3] " " $4; idle[$2, $3] = idle[$2, $3] " " $5
}
$1 == "after" { after[$2, $3] = $4 }
END {
	ns = split(scenarios, scenario, " ")
	nv = split(servers, server, " ")
	print "| scenario | server | CPU ms/auth | lowest–highest | × hostapd | rounds | bytes |" \
		" resumed | ok |"
	print "|---|---|---:|---:|---:|---:|---:|---:|---:|"
	for (s = 1; s <= ns; s++) for (v = 1; v <= nv; v++) {
		key = scenario[s] SUBSEP server[v]
		ratios = ""
		n = split(rounds[scenario[s]], r, " ")
		for (i = 1; i <= n; i++) {
			mine = each[scenario[s], r[i], server[v]]
			theirs = each[scenario[s], r[i], "hostapd"]
			if (mine > 0 && theirs > 0) ratios = ratios " " mine / theirs
		}
		n = split(cpu[key], c, " ")
		low = high = c[1] + 0
		for (i = 2; i <= n; i++) {
			if (c[i] + 0 < low) low = c[i] + 0
			if (c[i] + 0 > high) high = c[i] + 0
		}
		good = ok[key] > 0 ? ok[key] : 1
		printf "| %s | %s | %.2f | %.2f–%.2f | %s | %.1f | %d | %d %% | %d/%d |\n", scenario[s],
			server[v], median(cpu[key]), low, high,
			ratios == "" ? "–" : sprintf("%.2f", median(ratios)),
			requests[key] / good, bytes[key] / good, 100 * resumed[key] / good,
			ok[key], wanted[key]
		if (ok[key] < wanted[key]) bad = 1
	}
	print ""
	print "| scenario | server | start to first answer, ms | resident idle, MiB | resident after, MiB |"
	print "|---|---|---:|---:|---:|"
	for (s = 1; s <= ns; s++) for (v = 1; v <= nv; v++)
		printf "| %s | %s | %.0f | %.1f | %.1f |\n", scenario[s], server[v],
			median(started[scenario[s], server[v]]), median(idle[scenario[s], server[v]]) / 1024,
			after[scenario[s], server[v]] / 1024
	exit bad
}
