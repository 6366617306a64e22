package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/appliance/webhook"
)

// A Webhook posts notices as JSON. Its address may hold a token, so it is in no error.
type Webhook struct{ poster *webhook.Poster }

// webhookBody is what is posted. Text is what chat programs show.
type webhookBody struct {
	Type    string     `json:"type"` // certificate_expiry
	Node    string     `json:"node"`
	Time    time.Time  `json:"time"`
	Text    string     `json:"text"`
	Notices []Expiring `json:"notices"`
}

// NewWebhook returns a Webhook that posts to address, http or https, through the proxy that the
// environment names if it does.
func NewWebhook(address string) *Webhook {
	return &Webhook{webhook.New(webhook.Config{URL: address})}
}

// Send posts m. Any 2xx status is a success.
func (w *Webhook) Send(ctx context.Context, m *Message) error {
	body, err := json.Marshal(webhookBody{
		Type: "certificate_expiry", Node: m.Node, Time: m.At, Text: m.headline() + "\n\n" + m.body(),
		Notices: m.Notices,
	})
	if err != nil {
		return fmt.Errorf("posting to the webhook: %w", err)
	}
	return w.poster.Post(ctx, body)
}
