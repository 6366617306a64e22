package appliance

import (
	"strings"

	"gatehouse/webui"
)

// Types of the API, for commands.
type (
	Flips        = webui.Flips
	TimeQuestion = webui.TimeQuestion
	TimeAnswer   = webui.TimeAnswer
)

// StateNotYetValid is that of what counts from a later time on.
const StateNotYetValid = webui.StateNotYetValid

// validities is webui.Backend.Validities: what ends as notices know it, the certificate of the pages,
// and the bundle in force.
func (a *Appliance) validities() []webui.Validity {
	all := []webui.Validity{}
	if plan := a.notePlan(); plan != nil {
		for i := range plan.Items {
			item := &plan.Items[i]
			all = append(all, webui.Validity{Kind: string(item.Kind), Name: item.Name, Subject: item.Subject,
				Link: strings.TrimSuffix(item.Page, "/do/regenerate"), NotBefore: item.NotBefore, NotAfter: item.NotAfter})
		}
	}
	if leaf := a.webLeaf; leaf != nil {
		all = append(all, webui.Validity{Kind: "web", NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter})
	}
	if b := a.bundleState().InForce; b != nil && !b.Expires.IsZero() {
		all = append(all, webui.Validity{Kind: "bundle", Name: b.BundleID, Link: "/setup/config", NotAfter: b.Expires})
	}
	return all
}
