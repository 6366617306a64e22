package appliance

import (
	"bytes"
	"fmt"
	"log/slog"

	"gatehouse/appliance/syslog"
	"gatehouse/webui"
)

// openSyslog has all parts log to the collector of log.syslog too, if there is one. What is wrong
// with that goes to the log that was there before.
func (a *Appliance) openSyslog() error {
	config := &a.config.Boot.Log
	transport, address := config.Collector()
	if transport == "" {
		return nil
	}
	roots, err := a.readRoots("log.syslog_ca", config.SyslogCA)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(config.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused anything else
	}
	sender, err := syslog.New(syslog.Config{
		Transport: transport, Address: address, Roots: roots, Node: a.config.Boot.Node.ID,
		Logger: a.config.Logger.With("part", "syslog"), Now: a.config.Now,
	})
	if err != nil {
		return err
	}
	a.syslog = sender
	a.config.Logger = slog.New(slog.NewMultiHandler(a.config.Logger.Handler(), sender.Handler(level)))
	a.counters.syslog = a.syslogMetrics
	return nil
}

// Logger returns what the appliance logs to: Config.Logger, and the collector of log.syslog if
// there is one. What is sent there after Run has returned is lost.
func (a *Appliance) Logger() *slog.Logger { return a.config.Logger }

func (a *Appliance) syslogStatus() *webui.Syslog {
	if a.syslog == nil {
		return nil
	}
	s := webui.Syslog(a.syslog.Status())
	return &s
}

func (a *Appliance) syslogMetrics(b *bytes.Buffer) {
	s := a.syslog.Status()
	fmt.Fprintf(b, "gatehouse_syslog_connected %d\ngatehouse_syslog_sent_total %d\n"+
		"gatehouse_syslog_dropped_total %d\ngatehouse_syslog_waiting %d\n",
		boolean(s.Connected), s.Sent, s.Dropped, s.Waiting)
}
