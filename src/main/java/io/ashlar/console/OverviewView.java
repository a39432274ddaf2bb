package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.api.Intake;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.platform.Alarms;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.serving.Host;
import io.ashlar.serving.Served;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.serving.Serving;
import io.ashlar.usage.RecentUsage;
import jakarta.annotation.security.PermitAll;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Is everything well? What is served, and what the engine does now. */
@Route("")
@PageTitle("Overview · Ashlar")
@PermitAll // those of a tenant are led to it
public class OverviewView extends Page implements BeforeEnterObserver {
    private static final long serialVersionUID = 1;
    private static final int TABLE_EVERY = 3;
    private static final int TENANTS_SHOWN = 6;

    /** A line of the table. */
    private record Line(String name, ServedState state, String runsOn, String context) {}

    private final transient Serving serving;
    private final transient Intake intake;
    private final transient Alarms watched;
    private final Div alarms = new Div();
    private final Figure running = new Figure("Requests running");
    private final Figure requests = new Figure("Requests per second");
    private final Figure rate = new Figure("Tokens per second");
    private final Figure use = new Figure("Device use");
    private final Figure pages = new Figure("Page pool in use");
    private final Figure weights = new Figure("Weights held");
    private final Grid<Line> deployments = new Grid<>();
    private final Chart tokens = new Chart(
            "Tokens per second of the last three minutes", "", false, new Chart.Series("tokens/s", Chart.FIRST, false));
    private final Chart queue = new Chart(
            "Sequences running and waiting",
            "",
            false,
            new Chart.Series("running", Chart.FIRST, false),
            new Chart.Series("waiting", Chart.SECOND, false));
    private final Chart ttft = latencies("Time to the first token");
    private final Chart tpot = latencies("Time per token after it");
    private final List<Chart> charts = List.of(tokens, queue, ttft, tpot);
    private final Div shares = new Div();
    private List<Line> lines = List.of();
    private final transient Pulse pulse;
    private final transient Tenants tenants;
    private final transient ServiceClasses classes;
    private final transient ConsoleActors actors;
    private int beats;

    public OverviewView(
            Serving serving,
            Intake intake,
            Alarms watched,
            Pulse pulse,
            Tenants tenants,
            ServiceClasses classes,
            ConsoleActors actors) {
        super("Overview");
        this.pulse = pulse;
        this.tenants = tenants;
        this.classes = classes;
        this.actors = actors;
        this.serving = serving;
        this.intake = intake;
        this.watched = watched;
        alarms.addClassName("alarms");
        alarms.getElement().setAttribute("role", "status");
        Section figures = new Section(running, requests, rate, use, pages, weights);
        figures.addClassName("figures");
        figures.getElement().setAttribute("aria-label", "Now");
        deployments.addColumn(Line::name).setHeader("Deployment").setFlexGrow(2).setAutoWidth(true);
        deployments
                .addComponentColumn(line -> line.state.badge())
                .setHeader("State")
                .setAutoWidth(true);
        deployments.addColumn(Line::runsOn).setHeader("Runs on").setAutoWidth(true);
        deployments.addColumn(Line::context).setHeader("Context").setAutoWidth(true);
        deployments.setAllRowsVisible(true);
        deployments.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        deployments.setEmptyStateComponent(empty(
                "Nothing is deployed",
                "Import a model with ./ashlar models import DIR --name NAME; it is served at once."));
        Div panels = new Div(
                panel("Tokens per second", tokens),
                panel("Sequences", queue),
                panel("Time to the first token, last minute", ttft),
                panel("Time per token, last minute", tpot));
        panels.addClassName("panels");
        add(
                alarms,
                figures,
                panels,
                panel("Tenants by share of the last minute", shares),
                new H2("Deployments"),
                deployments);
    }

    private static Chart latencies(String what) {
        return new Chart(
                what,
                " ms",
                false,
                new Chart.Series("p50", Chart.FIRST, false),
                new Chart.Series("p95", Chart.SECOND, false),
                new Chart.Series("target", Chart.QUIET, true));
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        Actor actor = actors.actor();
        UUID tenant = actor.tenant();
        if (tenant != null) {
            tenants.byId(tenant, actor).ifPresent(t -> event.forwardTo(TenantView.class, t.name()));
        }
    }

    @Override
    protected void onAttach(AttachEvent event) {
        Actor actor = actors.actor();
        if (!actor.may(Permission.SEE_PLATFORM)) {
            return;
        }
        double[] targets = targets(actor);
        List<Pulse.Moment> past = pulse.moments(actor);
        tokens.show(columns(past, Pulse.Moment::tokensPerSecond));
        queue.show(columns(past, m -> (double) m.running(), m -> (double) m.waiting()));
        ttft.show(columns(past, m -> m.requests().ttft50(), m -> m.requests().ttft95(), m -> targets[0]));
        tpot.show(columns(past, m -> m.requests().tpot50(), m -> m.requests().tpot95(), m -> targets[1]));
        refresh();
        if (!past.isEmpty()) {
            show(past.getLast(), actor);
        }
        UI ui = event.getUI();
        Runnable stop = pulse.listen(
                moment -> push(ui, () -> {
                    push(moment, targets);
                    show(moment, actor);
                }),
                actor);
        addDetachListener(e -> stop.run());
    }

    private void push(Pulse.Moment m, double[] targets) {
        double second = m.second();
        RecentUsage.Summary r = m.requests();
        Chart.push(
                charts,
                List.of(
                        List.of(second, m.tokensPerSecond()),
                        List.of(second, (double) m.running(), (double) m.waiting()),
                        point(second, r.ttft50(), r.ttft95(), targets[0]),
                        point(second, r.tpot50(), r.tpot95(), targets[1])),
                Pulse.MOST);
    }

    /** The targets of the highest class that has any, in milliseconds; -1 for none. */
    private double[] targets(Actor actor) {
        return classes.all(actor).stream()
                .filter(ServiceClass::hasTargets)
                .findFirst()
                .map(c -> new double[] {
                    c.ttft().isZero() ? -1 : c.ttft().toMillis(),
                    c.tpot().isZero() ? -1 : c.tpot().toMillis()
                })
                .orElse(new double[] {-1, -1});
    }

    private static List<@Nullable Double> point(double... values) {
        List<@Nullable Double> point = new ArrayList<>();
        for (double value : values) {
            point.add(value < 0 ? null : value);
        }
        return point;
    }

    @SafeVarargs
    private static List<List<@Nullable Double>> columns(
            List<Pulse.Moment> moments, ToDoubleFunction<Pulse.Moment>... values) {
        List<List<@Nullable Double>> columns = new ArrayList<>();
        columns.add(point(moments.stream().mapToDouble(Pulse.Moment::second).toArray()));
        for (ToDoubleFunction<Pulse.Moment> value : values) {
            columns.add(point(moments.stream().mapToDouble(value).toArray()));
        }
        return columns;
    }

    private void show(Pulse.Moment m, Actor actor) {
        running.show(String.valueOf(intake.inFlight()), waiting(m));
        requests.show(
                String.format(Locale.ROOT, "%,.1f", m.requests().requestsPerSecond()), "ended in the last minute");
        rate.show(String.format(Locale.ROOT, "%,.0f", m.tokensPerSecond()), "made for all tenants");
        use.show(String.format(Locale.ROOT, "%.0f %%", Math.min(100, m.deviceUse())), devices());
        pages.show(
                String.format(Locale.ROOT, "%.0f %%", m.pages()),
                "of " + size(serving.metrics().pageBytesTotal()) + ", cached prefixes included");
        if (beats++ % TABLE_EVERY == 0) {
            refresh();
            showShares(m, actor);
        }
    }

    private String waiting(Pulse.Moment m) {
        int elsewhere =
                serving.upstreams().stream().mapToInt(ServedUpstream::waiting).sum();
        return m.waiting() + elsewhere == 0 ? "nothing waits" : count(m.waiting() + elsewhere) + " sequences wait";
    }

    private String devices() {
        List<Host> hosts = serving.hosts();
        return hosts.size() == 1 ? hosts.getFirst().engine().deviceName() : "of " + hosts.size() + " devices together";
    }

    private void showShares(Pulse.Moment m, Actor actor) {
        long all = m.requests().tokens().values().stream()
                .mapToLong(Long::longValue)
                .sum();
        shares.removeAll();
        if (all == 0) {
            shares.add(new Paragraph("Nobody used the machine in the last minute."));
            return;
        }
        attempt(() -> m.requests().tokens().entrySet().stream()
                .sorted(Map.Entry.<UUID, Long>comparingByValue().reversed())
                .limit(TENANTS_SHOWN)
                .forEach(e -> shares.add(bar(
                        tenants.byId(e.getKey(), actor).map(Tenant::name).orElse("(gone)"),
                        (double) e.getValue() / all,
                        String.format(Locale.ROOT, "%.0f %%", 100.0 * e.getValue() / all)))));
    }

    private void refresh() {
        weights.show(size(serving.weightBytes()), serving.blockCount() + " blocks, each held once");
        showAlarms();
        List<Line> now = new ArrayList<>();
        for (Served served : serving.all()) {
            boolean adapter = served instanceof ServedModel model && model.isAdapter();
            now.add(new Line(
                    served.name(),
                    ServedState.of(served, null),
                    served.place() + (adapter ? ", with an adapter" : ""),
                    String.format(Locale.ROOT, "%,d tokens", served.contextLength())));
        }
        for (Map.Entry<String, String> failed : serving.failures().entrySet()) {
            now.add(new Line(failed.getKey(), ServedState.of(null, failed.getValue()), "", ""));
        }
        if (!now.equals(lines)) {
            lines = now;
            deployments.setItems(lines);
        }
    }

    private void showAlarms() {
        alarms.removeAll();
        watched.now(actors.actor()).forEach(a -> alarms.add(alarm(a.text())));
        alarms.setVisible(alarms.getComponentCount() > 0);
    }

    private static Div alarm(String text) {
        Div alarm = new Div(text);
        alarm.addClassName("alarm");
        return alarm;
    }

    static String size(long bytes) {
        return bytes < 1_000_000_000
                ? String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%,.2f GB", bytes / 1e9);
    }
}
