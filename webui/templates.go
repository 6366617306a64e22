package webui

import _ "embed" // for the pages

// signInHTML is every page of the sign-in listener.
//
//go:embed templates/signin.html
var signInHTML string
