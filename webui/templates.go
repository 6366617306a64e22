package webui

import "embed"

// signInHTML is every page of the sign-in listener.
//
//go:embed templates/signin.html
var signInHTML string

// pageFiles are the pages of administration: the frame, parts that several pages show, and a file
// for each page.
//
//go:embed templates/admin
var pageFiles embed.FS

// staticFiles are what the pages load.
//
//go:embed static/pico.css.gz static/app.css static/app.js static/licences.txt.gz
var staticFiles embed.FS
