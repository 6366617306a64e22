package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const samlTestLong = `Say what a web application would be told about whoever has this certificate: the decision is taken and the
answer is signed as for a sign-in, read back as the application would, and thrown away. Nothing is sent, and
what is printed signs nobody in.

Exit codes: 0, they would be signed in; 1, they would not; 3, the file cannot be read; 4, nobody answers.`

func newSAMLTestCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "test APP FILE",
		Short:   "Say what an app would be told about whoever has a certificate",
		Long:    samlTestLong,
		Example: example("gatehouse saml test wiki alice.pem"),
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(args[1], cmd.InOrStdin())
			if err != nil {
				return err
			}
			var trial appliance.SAMLTrial
			err = process{stateDir}.ask(cmd.Context(), http.MethodPost, "/api/v1/saml/apps/"+url.PathEscape(args[0])+"/test", nil,
				bytes.NewReader(data), &trial)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), trial)
			} else {
				err = printSAMLTrial(cmd.OutOrStdout(), trial)
			}
			if err == nil && (!trial.Accepted || trial.Problem != "") {
				return answerNo()
			}
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printSAMLTrial(w io.Writer, t appliance.SAMLTrial) error {
	if err := printLadder(w, t.Ladder); err != nil {
		return err
	}
	var b bytes.Buffer
	line := func(name, value string) { fmt.Fprintf(&b, "  %-12s %s\n", name, value) }
	switch a := t.Assertion; {
	case !t.Accepted:
		fmt.Fprintf(&b, "would be refused: %s — %s\n  Next: %s\n", t.Reason, t.Sentence, t.NextStep)
	case a == nil:
		fmt.Fprintf(&b, "would be accepted as %s, but no assertion can be made: %s\n", t.User, t.Problem)
	default:
		fmt.Fprintf(&b, "would be signed in as %s, and the application told:\n", t.User)
		line("NameID", a.NameID+" ("+a.NameIDFormat+")")
		line("audience", a.Audience)
		line("sent to", a.Recipient)
		line("issuer", a.Issuer)
		line("counts", a.NotBefore.Format(time.RFC3339)+" until "+a.NotOnOrAfter.Format(time.RFC3339))
		line("session", "until "+a.SessionEnd.Format(time.RFC3339))
		for _, one := range a.Attributes {
			line(one.Name, strings.Join(one.Values, ", "))
		}
		for _, s := range a.Signatures {
			verdict := "verifies with "
			if !s.Valid {
				verdict = "DOES NOT VERIFY with "
			}
			line(s.Of, "signature "+verdict+s.SHA256)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
