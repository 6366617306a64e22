package load_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

const referring = `authentication:
  method: passwordless
  ca: [acme]
clients:
  - {name: ap-floor1, address: 192.0.2.0/24, secret_ref: radius/branch/ap-floor1, coa: {secret_ref: coa}}
`

func bundled() tree {
	return tree{"radius/branch.yaml": referring,
		"policy.yaml": "notices: {smtp: {password_ref: smtp}}\n"}
}

// A reference has the value that the bundle brings under its name.
func TestSecretRef(t *testing.T) {
	files := minimal(t)
	for name, text := range bundled() {
		files[name] = text
	}
	values := map[string]string{"radius/branch/ap-floor1": "golden-secret-0001", "coa": "golden-secret-0002", "smtp": "hush"}
	d, problems := load.Load(files.fs(), load.Options{Now: now, Secrets: values})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := d.Servers[0].Clients[0]
	if string(c.Secret) != values["radius/branch/ap-floor1"] || string(c.CoASecret) != values["coa"] ||
		string(d.Policy.Notices.SMTP.Password) != "hush" {
		t.Errorf("got %q, %q, %q", []byte(c.Secret), []byte(c.CoASecret), []byte(d.Policy.Notices.SMTP.Password))
	}
	before := d.Hash
	values["coa"] = "golden-secret-0003"
	if d, _ := load.Load(files.fs(), load.Options{Now: now, Secrets: values}); d.Hash == before {
		t.Error("another value, and still the same configuration")
	}
}

func TestSecretRefProblems(t *testing.T) {
	client := func(fields string) string {
		return "authentication: {ca: [acme]}\nclients:\n  - {name: a, address: 192.0.2.0/24, " + fields + "}\n"
	}
	for name, tc := range map[string]struct {
		radius string
		values map[string]string
		want   string
	}{
		"loose":     {client("secret_ref: x"), nil, `radius/branch.yaml:3:50: secret_ref names a secret that only a bundle brings, and these are loose files — write secret_file, with the name of a file that holds the secret`},
		"unknown":   {client("secret_ref: x"), map[string]string{"y": "golden-secret-0001"}, `radius/branch.yaml:3:50: the bundle brings no secret of this name — write secret: with the secret itself, and run gatehouse bundle seal`},
		"empty":     {client("secret_ref: x"), map[string]string{"x": ""}, `radius/branch.yaml:3:50: the secret "x" is empty`},
		"both":      {client("secret: golden-secret-0001, secret_ref: x"), map[string]string{"x": "y"}, `radius/branch.yaml:3:78: both secret and secret_ref are given — remove one`},
		"and_file":  {client("secret_file: f, secret_ref: x"), map[string]string{"x": "y"}, `radius/branch.yaml:3:66: both secret_file and secret_ref are given — remove one`},
		"short":     {client("secret_ref: x"), map[string]string{"x": "golden"}, `radius/branch.yaml:3:50: warning: the secret has fewer than 12 characters: it can be guessed from recorded packets — use 16 random characters or more`},
		"no_name":   {client(`secret_ref: ""`), map[string]string{"x": "golden"}, `radius/branch.yaml:3:50: the secret is empty — give the client a secret of 16 characters or more, and the access point the same`},
		"no_file":   {client(`secret_file: ""`), nil, `radius/branch.yaml:3:51: the secret is empty — give the client a secret of 16 characters or more, and the access point the same`},
		"over_tls":  {"authentication: {ca: [acme]}\nclients:\n  - {name: a, secret_ref: x, tls: {san: a}}\n", map[string]string{"x": "y"}, `radius/branch.yaml:3:27: a client with tls has no secret_ref — make two clients of it, one over UDP and one over TLS`},
		"misspelt":  {client("secret_reff: x"), nil, `radius/branch.yaml:3:38: unknown key "secret_reff" — did you mean "secret_ref"?`},
		"smtp":      {client("secret: golden-secret-0001"), nil, `policy.yaml:1:32: password_ref names a secret that only a bundle brings, and these are loose files — write password_file, with the name of a file that holds the secret`},
		"two_nones": {client(`secret_ref: "", secret_file: f`), map[string]string{}, `radius/branch.yaml:3:50: both secret_file and secret_ref are given — remove one`},
	} {
		t.Run(name, func(t *testing.T) {
			files := minimal(t).with("radius/branch.yaml", tc.radius)
			if name == "smtp" {
				files["policy.yaml"] = bundled()["policy.yaml"]
			}
			_, problems := load.Load(files.fs(), load.Options{Now: now, Secrets: tc.values})
			var lines []string
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			if !slices.Contains(lines, tc.want) || strings.Contains(strings.Join(lines, ""), "golden-secret") {
				t.Errorf("got %s\nwant %s", strings.Join(lines, "\n    "), tc.want)
			}
		})
	}
}

// What is sealed and cannot be opened costs nothing when a bundle is only looked at.
func TestWithoutSecrets(t *testing.T) {
	files := minimal(t).with("server/main/key.pem", "-", "users/staff.yaml", "-")
	for name, text := range bundled() {
		files[name] = text
	}
	files["secrets/fleet.age"], files["secrets/fleet.recipients"] = "sealed", "age1"
	d, problems := load.Load(files.fs(), load.Options{Now: now, WithoutSecrets: true})
	if d == nil || len(problems) > 0 {
		t.Fatalf("got %v, %v", d, problems)
	}
	if got := describe(d); got != "ca/acme server/main radius/branch[acme]" {
		t.Errorf("got %s", got)
	}
	var none *snapshot.Draft
	if d, problems := load.Load(files.fs(), load.Options{Now: now}); d != none || !problems.HasErrors() {
		t.Errorf("to be served: got %v, %v", d, problems)
	}
}
