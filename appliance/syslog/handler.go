package syslog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"
)

// A handler queues records. It implements slog.Handler.
type handler struct {
	form   *form
	queue  *queue
	level  slog.Level
	params []param // of WithAttrs
	group  string  // of WithGroup: "a.b."
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle implements slog.Handler. It never waits and never fails.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	params := make([]param, len(h.params), len(h.params)+r.NumAttrs())
	copy(params, h.params)
	r.Attrs(func(a slog.Attr) bool {
		params = appendAttr(params, h.group, a)
		return true
	})
	h.queue.add(h.form.message(r.Time, r.Level, r.Message, params))
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.params = slices.Clone(h.params)
	for _, a := range attrs {
		with.params = appendAttr(with.params, h.group, a)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.group += name + "."
	return &with
}

// A param is an attribute as text.
type param struct{ name, value string }

// appendAttr adds a and, if it is a group, what is in it. What redacts itself does so here.
func appendAttr(params []param, group string, a slog.Attr) []param {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range v.Group() {
			params = appendAttr(params, group, member)
		}
		return params
	}
	if a.Key == "" {
		return params
	}
	return append(params, param{group + a.Key, text(v)})
}

func text(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindInt64:
		return strconv.FormatInt(v.Int64(), 10)
	case slog.KindUint64:
		return strconv.FormatUint(v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64)
	case slog.KindTime:
		return v.Time().UTC().Format(time.RFC3339Nano)
	case slog.KindAny:
		return fmt.Sprintf("%+v", v.Any()) // as the log as text has it
	}
	return v.String() // a bool or a duration
}
