package notice

import (
	"context"
	"log/slog"
)

// A Log tells notices to the log, a line each at Warn.
type Log struct {
	Logger *slog.Logger
}

// Send logs m. It never fails.
func (l Log) Send(ctx context.Context, m *Message) error {
	for _, e := range m.Notices {
		msg := "certificate expires"
		switch {
		case e.Kind == CRL && e.Days < 0:
			msg = "revocation list has expired"
		case e.Kind == CRL:
			msg = "revocation list expires"
		case e.Days < 0:
			msg = "certificate has expired"
		}
		attrs := []slog.Attr{slog.String("kind", string(e.Kind)), slog.String("name", e.Name),
			slog.String("subject", e.Subject), slog.Time("not_after", e.NotAfter),
			slog.Int("days", e.Days), slog.String("sha256", e.Fingerprint),
			slog.String("remedy", e.Remedy)}
		if e.Link != "" {
			attrs = append(attrs, slog.String("link", e.Link))
		}
		l.Logger.LogAttrs(ctx, slog.LevelWarn, msg, attrs...)
	}
	return nil
}
