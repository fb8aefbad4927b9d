//go:build linux

package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes of the chart in SVG units.
const (
	chartWidth = 760
	labelWidth = 150
	barHeight  = 16
	groupGap   = 34
	fullScale  = 1.6 // the ratio at the right edge
)

var barColors = []string{"#9aa0a6", "#4a3aa7", "#1a9e8f", "#6fa8dc", "#d98c3f"}

// chart draws the throughput of every variant in every table, relative to native.
func chart(tables []table) string {
	var b strings.Builder
	y := 10
	for _, t := range tables {
		y += groupGap
		fmt.Fprintf(&b, "<text x=\"8\" y=\"%d\" font-weight=\"600\">%s</text>\n", y-10, html.EscapeString(t.title))
		for i, l := range t.rows {
			drawBar(&b, y, barColors[i%len(barColors)], l)
			y += barHeight + 3
		}
	}
	one := labelWidth + barLength(1)
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<line x1=\"%d\" x2=\"%d\" y1=\"20\" y2=\"%d\" stroke=\"#bbb\" stroke-dasharray=\"3 3\"/>\n"+
		"<text x=\"%d\" y=\"14\" text-anchor=\"middle\" fill=\"#777\">native = 1</text>\n%s</svg>\n",
		chartWidth, y+16, one, one, y, one, b.String())
}

func drawBar(b *strings.Builder, y int, color string, l line) {
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelWidth-6, y+barHeight-4, html.EscapeString(l.variant))
	fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n", labelWidth, y, barLength(l.rateRatio), barHeight, color)
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">%.2f</text>\n", labelWidth+barLength(l.rateRatio)+6, y+barHeight-4, l.rateRatio)
}

func barLength(ratio float64) int {
	return int(min(ratio, fullScale) / fullScale * (chartWidth - labelWidth - 60))
}
