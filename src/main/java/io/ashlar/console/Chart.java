package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.HasSize;
import com.vaadin.flow.component.Tag;
import io.ashlar.document.Documents;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A chart over time, drawn by {@code frontend/charts/ashlar-chart.js}. */
@Tag("ashlar-chart")
final class Chart extends Component implements HasSize {
    private static final long serialVersionUID = 1;
    static final String FIRST = "#3f7cb8";
    static final String SECOND = "#d98c2b";
    static final String QUIET = "#8a97a5";

    /** A line, or the bars of a colour. */
    record Series(String label, String color, boolean dash) {}

    private final transient List<Series> series;
    private final boolean bars;
    private final String unit;

    /** @param what is shown, for those who cannot see it */
    Chart(String what, String unit, boolean bars, Series... series) {
        this.series = List.of(series);
        this.bars = bars;
        this.unit = unit;
        getElement().setAttribute("role", "img");
        getElement().setAttribute("aria-label", what);
    }

    @Override
    protected void onAttach(AttachEvent event) {
        event.getUI().getPage().addJsModule("context://charts/ashlar-chart.js");
    }

    /** @param data seconds since 1970, then the values of each series; null where there is none */
    void show(List<? extends List<? extends @Nullable Number>> data) {
        getElement()
                .executeJs(
                        "customElements.whenDefined('ashlar-chart').then(() => this.show(JSON.parse($0), JSON.parse($1), $2, $3))",
                        json(series),
                        json(data),
                        bars,
                        unit);
    }

    /**
     * A moment more of several charts, which is one message to the browser.
     *
     * @param points one for each chart
     * @param most moments kept; the oldest of more goes
     */
    static void push(List<Chart> charts, List<? extends List<? extends @Nullable Number>> points, int most) {
        Object[] arguments = new Object[charts.size() + 2];
        StringBuilder script = new StringBuilder("const points = JSON.parse($0); [");
        arguments[0] = json(points);
        arguments[1] = most;
        for (int i = 0; i < charts.size(); i++) {
            arguments[i + 2] = charts.get(i).getElement();
            script.append('$').append(i + 2).append(',');
        }
        script.append("].forEach((chart, i) => chart?.push?.(points[i], $1))");
        charts.getFirst().getElement().executeJs(script.toString(), arguments);
    }

    private static String json(Object value) {
        return new String(Documents.json(value), java.nio.charset.StandardCharsets.UTF_8);
    }
}
