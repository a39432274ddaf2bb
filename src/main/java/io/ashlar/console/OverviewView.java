package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.DetachEvent;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.api.Intake;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.Serving;
import io.ashlar.usage.UsageLedger;
import jakarta.annotation.security.RolesAllowed;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Is everything well? What is served, and what the engine does now. */
@Route("")
@PageTitle("Overview · Ashlar")
@RolesAllowed(ConsoleSecurity.ADMINISTRATOR)
public class OverviewView extends Page {
    private static final long serialVersionUID = 1;
    private static final int REFRESH_MILLIS = 2000;

    /** A line of the table; {@code failure} is empty for a deployment that runs. */
    private record Line(
            String name, ServedModel.@Nullable Readiness readiness, String runsOn, String context, String failure) {}

    private final transient Serving serving;
    private final transient Intake intake;
    private final transient UsageLedger ledger;
    private final Div alarms = new Div();
    private final Figure running = new Figure("Requests running");
    private final Figure waiting = new Figure("Sequences waiting");
    private final Figure rate = new Figure("Tokens per second");
    private final Figure pages = new Figure("Page pool in use");
    private final Figure weights = new Figure("Weights held");
    private final Grid<Line> deployments = new Grid<>();
    private long lastTokens = -1;
    private long lastNanos;

    public OverviewView(Serving serving, Intake intake, UsageLedger ledger) {
        super("Overview");
        this.serving = serving;
        this.intake = intake;
        this.ledger = ledger;
        alarms.addClassName("alarms");
        alarms.getElement().setAttribute("role", "status");
        Section figures = new Section(running, waiting, rate, pages, weights);
        figures.addClassName("figures");
        figures.getElement().setAttribute("aria-label", "Now");
        deployments.addColumn(Line::name).setHeader("Deployment").setFlexGrow(2).setAutoWidth(true);
        deployments
                .addComponentColumn(line -> line.readiness == null ? failure(line) : state(line.readiness))
                .setHeader("State")
                .setAutoWidth(true);
        deployments.addColumn(Line::runsOn).setHeader("Runs on").setAutoWidth(true);
        deployments.addColumn(Line::context).setHeader("Context").setAutoWidth(true);
        deployments.setAllRowsVisible(true);
        deployments.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        deployments.setEmptyStateComponent(empty(
                "Nothing is deployed",
                "Import a model with ./ashlar models import DIR --name NAME; it is served at once."));
        add(alarms, figures, new H2("Deployments"), deployments);
        refresh();
    }

    private static Span state(ServedModel.Readiness readiness) {
        Span badge = switch (readiness) {
            case READY -> badge("Serving", "good");
            case LOADING -> badge("Loading", "warn");
            case ASLEEP -> badge("On disk", "quiet");
        };
        if (readiness == ServedModel.Readiness.ASLEEP) {
            badge.setTitle("It loads at the first request for it.");
        }
        return badge;
    }

    private static Span failure(Line line) {
        Span badge = badge("Failed", "bad");
        badge.setTitle(line.failure);
        return badge;
    }

    @Override
    protected void onAttach(AttachEvent event) {
        event.getUI().setPollInterval(REFRESH_MILLIS);
        addPollListener(event);
    }

    private void addPollListener(AttachEvent event) {
        var registration = event.getUI().addPollListener(e -> refresh());
        addDetachListener(e -> registration.remove());
    }

    @Override
    protected void onDetach(DetachEvent event) {
        event.getUI().setPollInterval(-1);
    }

    private void refresh() {
        EngineMetrics now = serving.metrics();
        running.show(String.valueOf(intake.inFlight()), "");
        waiting.show(String.valueOf(now.waiting()), "");
        rate.show(tokenRate(now), "made for all tenants");
        pages.show(
                String.format(Locale.ROOT, "%.0f %%", 100.0 * now.pageBytesUsed() / Math.max(1, now.pageBytesTotal())),
                "of " + size(now.pageBytesTotal()) + ", cached prefixes included");
        weights.show(size(serving.weightBytes()), serving.blockCount() + " blocks, each held once");
        showAlarms();
        List<Line> lines = new ArrayList<>();
        for (ServedModel model : serving.all()) {
            lines.add(new Line(
                    model.name(),
                    model.readiness(),
                    model.engine().deviceName() + (model.isAdapter() ? ", with an adapter" : ""),
                    String.format(Locale.ROOT, "%,d tokens", model.contextLength()),
                    ""));
        }
        for (Map.Entry<String, String> failed : serving.failures().entrySet()) {
            lines.add(new Line(failed.getKey(), null, "", "", failed.getValue()));
        }
        deployments.setItems(lines);
    }

    private void showAlarms() {
        alarms.removeAll();
        if (!serving.failures().isEmpty()) {
            alarms.add(alarm(serving.failures().size()
                    + " deployment(s) could not be started; hover over the state for the reason."));
        }
        if (ledger.isBehind()) {
            alarms.add(alarm("The database cannot be written. Usage waits in the journal on disk; nothing is lost."));
        }
        alarms.setVisible(alarms.getComponentCount() > 0);
    }

    private static Div alarm(String text) {
        Div alarm = new Div(text);
        alarm.addClassName("alarm");
        return alarm;
    }

    private String tokenRate(EngineMetrics now) {
        long nanos = System.nanoTime();
        double seconds = (nanos - lastNanos) / 1e9;
        String text = lastTokens < 0
                ? "…"
                : String.format(Locale.ROOT, "%,.0f", (now.completionTokens() - lastTokens) / Math.max(seconds, 1e-3));
        lastTokens = now.completionTokens();
        lastNanos = nanos;
        return text;
    }

    static String size(long bytes) {
        return bytes < 1_000_000_000
                ? String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%,.2f GB", bytes / 1e9);
    }

    /** A number with its name. */
    private static final class Figure extends Div {
        private static final long serialVersionUID = 1;
        private final Span value = new Span("…");
        private final Span note = new Span();

        Figure(String name) {
            addClassName("figure");
            Span label = new Span(name);
            label.addClassName("figure-name");
            value.addClassName("figure-value");
            note.addClassName("figure-note");
            add(label, value, note);
        }

        void show(String text, String more) {
            value.setText(text);
            note.setText(more);
        }
    }
}
