package appliance

import (
	"context"
	"log/slog"

	"gatehouse/authcore/audit"
)

// sinks hands every Event to each of its members.
type sinks []audit.Sink

// Record hands on e.
func (s sinks) Record(e audit.Event) {
	for _, sink := range s {
		sink.Record(e)
	}
}

// decisionLog writes one line a decision.
type decisionLog struct{ logger *slog.Logger }

// Record writes e.
func (d decisionLog) Record(e audit.Event) {
	d.logger.LogAttrs(context.Background(), slog.LevelInfo, "decision", e.Attrs()...)
}
