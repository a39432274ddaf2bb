import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Draws latency over load, one line a policy, as SVG. */
final class Curve {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 440;
    private static final int LEFT = 70;
    private static final int BOTTOM = 380;
    private static final int TOP = 60;
    private static final int RIGHT = 600;
    private static final String[] COLOURS = {"#b45309", "#64748b", "#0f766e", "#a8a29e"};

    private Curve() {}

    /** @param curves by policy: latency at each of the loads, in multiples of that of an idle machine */
    static void draw(Path file, String title, double[] loads, Map<String, double[]> curves) throws IOException {
        double most = curves.values().stream().flatMapToDouble(java.util.Arrays::stream).max().orElse(10);
        double decades = Math.max(1, Math.ceil(Math.log10(most)));
        StringBuilder svg = new StringBuilder();
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + WIDTH + " " + HEIGHT + "\" font-family=\"sans-serif\""
                + " font-size=\"13\" fill=\"#334155\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        text(svg, LEFT, 24, "font-weight=\"600\"", title);
        text(svg, LEFT, 44, "", "mean time per token of the answer, in multiples of that of an idle machine");
        for (int d = 0; d <= decades; d++) {
            double y = BOTTOM - (BOTTOM - TOP) * d / decades;
            svg.append(String.format(Locale.ROOT, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#e2e8f0\"/>%n", LEFT, y, RIGHT, y));
            text(svg, LEFT - 8, y + 4, "text-anchor=\"end\"", String.format(Locale.ROOT, "%.0f", Math.pow(10, d)));
        }
        for (double x : new double[] {0.5, 1, 1.5, 2, 2.5, 3}) {
            svg.append(String.format(Locale.ROOT, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#e2e8f0\"/>%n", x(x), TOP, x(x), BOTTOM));
            text(svg, x(x), BOTTOM + 20, "text-anchor=\"middle\"", String.format(Locale.ROOT, "%.1f", x));
        }
        text(svg, (LEFT + RIGHT) / 2.0, BOTTOM + 44, "text-anchor=\"middle\"", "requests per second, in parts of the capacity");
        int colour = 0;
        for (var curve : curves.entrySet()) {
            String stroke = COLOURS[colour++ % COLOURS.length];
            StringBuilder points = new StringBuilder();
            double y = 0;
            for (int i = 0; i < loads.length; i++) {
                y = BOTTOM - (BOTTOM - TOP) * Math.max(0, Math.log10(curve.getValue()[i])) / decades;
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(loads[i]), y));
            }
            svg.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + stroke + "\" points=\"" + points + "\"/>\n");
            text(svg, RIGHT + 8, y + 4 + (colour - 2) * 4, "fill=\"" + stroke + "\"", curve.getKey());
        }
        Files.writeString(file, svg.append("</svg>\n"));
    }

    private static double x(double load) {
        return LEFT + (RIGHT - LEFT) * (load - 0.5) / 2.5;
    }

    private static void text(StringBuilder svg, double x, double y, String style, String words) {
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>%n", x, y, style, words));
    }
}
