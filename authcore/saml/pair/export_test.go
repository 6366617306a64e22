package pair

// WordingTexts returns the text of every code.
func WordingTexts() map[Code]string {
	texts := make(map[Code]string, len(wordings))
	for code, w := range wordings {
		texts[code] = w.text
	}
	return texts
}
