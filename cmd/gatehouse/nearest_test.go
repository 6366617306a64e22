package main

import "testing"

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"check", "check", 0},
		{"chek", "check", 1}, {"chekc", "check", 1}, {"verison", "version", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestNearestReason(t *testing.T) {
	for typed, want := range map[string]string{
		"expired": "cert_expired", "cert_expird": "cert_expired", "usr_unknown": "user_unknown",
		"cert_exp": "cert_expired", "overload": "overloaded", "ocsp_stael": "ocsp_stale",
	} {
		if got := nearestReason(typed); got != want {
			t.Errorf("nearestReason(%q) = %q, want %q", typed, got, want)
		}
	}
	long := make([]byte, 10*maxWordLength)
	for _, typed := range []string{"", "x", string(long)} {
		if nearestReason(typed) == "" {
			t.Errorf("nearestReason(%.10q) names nothing", typed)
		}
	}
}
