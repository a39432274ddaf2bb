package io.ashlar.console;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.datepicker.DatePicker;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.value.ValueChangeMode;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.server.streams.DownloadHandler;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.usage.UsageReports;
import io.ashlar.usage.UsageReports.By;
import io.ashlar.usage.UsageReports.Line;
import io.ashlar.usage.UsageReports.Scope;
import io.ashlar.usage.UsageTable;
import jakarta.annotation.security.PermitAll;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/** What was used and what it cost: as a chart by day, and as a table by whatever is asked for. */
@Route("usage")
@PageTitle("Usage and cost · Ashlar")
@PermitAll // each sees their own
public class UsageView extends Page {
    private static final long serialVersionUID = 1;
    private static final int MOST = 500;

    private final transient UsageReports usage;
    private final transient Tenants tenants;
    private final transient ExecutorService blockingWork;
    private final transient ConsoleActors actors;
    private int asked;
    private final DatePicker from = day("From");
    private final DatePicker to = day("To");
    private final TextField tenant = new TextField("Tenant");
    private final Select<By> by = new Select<>();
    private final Chart chart = new Chart("Tokens by day", "", true, new Chart.Series("tokens", Chart.FIRST, false));
    private final Section totals = new Section();
    private final Grid<Line> grid = new Grid<>();

    public UsageView(
            UsageReports usage, Tenants tenants, Clock clock, ExecutorService blockingWork, ConsoleActors actors) {
        super("Usage and cost");
        this.blockingWork = blockingWork;
        this.usage = usage;
        this.tenants = tenants;
        this.actors = actors;
        LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
        from.setValue(today.minusDays(29));
        to.setValue(today);
        boolean platform = actors.actor().tenant() == null;
        tenant.setVisible(platform);
        tenant.setPlaceholder("All");
        tenant.setClearButtonVisible(true);
        tenant.setValueChangeMode(ValueChangeMode.LAZY);
        by.setLabel("By");
        by.setItems(platform ? By.values() : new By[] {By.DAY, By.PROJECT, By.KEY, By.MODEL});
        by.setItemLabelGenerator(b -> b.name().toLowerCase(java.util.Locale.ROOT));
        by.setValue(platform ? By.TENANT : By.MODEL);
        from.addValueChangeListener(e -> refresh());
        to.addValueChangeListener(e -> refresh());
        tenant.addValueChangeListener(e -> refresh());
        by.addValueChangeListener(e -> refresh());
        Div filters = new Div(from, to, tenant, by);
        filters.addClassName("filters");
        Div tools = new Div(filters, new Anchor(csv(), "Export as CSV"));
        tools.addClassName("tools");
        totals.addClassName("figures");
        grid.addColumn(Line::name).setHeader("Name").setFlexGrow(2).setAutoWidth(true);
        grid.addColumn(l -> count(l.requests())).setHeader("Requests").setAutoWidth(true);
        grid.addColumn(l -> count(l.failed())).setHeader("Failed").setAutoWidth(true);
        grid.addColumn(l -> count(l.promptTokens())).setHeader("Prompt tokens").setAutoWidth(true);
        grid.addColumn(l -> count(l.cachedTokens())).setHeader("of them cached").setAutoWidth(true);
        grid.addColumn(l -> count(l.completionTokens()))
                .setHeader("Answer tokens")
                .setAutoWidth(true);
        grid.addColumn(l -> money(l.cost())).setHeader("Cost").setAutoWidth(true);
        grid.addColumn(l -> percent(l.attainment())).setHeader("Targets kept").setAutoWidth(true);
        grid.setHeight("26rem");
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        Div panel = panel("Tokens by day", chart);
        panel.getStyle().set("margin", "0.75rem 0");
        add(tools, totals, panel, grid);
        refresh();
    }

    private Scope scope(Actor actor) {
        if (from.getValue() == null || to.getValue() == null) {
            throw new InvalidRequestException("from", "Choose the first and the last day.");
        }
        UUID chosen = actor.tenant();
        if (chosen == null && !tenant.isEmpty()) {
            chosen = tenants.named(tenant.getValue().strip(), actor)
                    .map(Tenant::id)
                    .orElseThrow(() -> new InvalidRequestException(
                            "tenant", "There is no tenant '" + tenant.getValue().strip() + "'."));
        }
        return new Scope(from.getValue(), to.getValue(), chosen, null, null);
    }

    private void refresh() {
        Actor actor = actors.actor();
        tenant.setInvalid(false);
        try {
            Scope scope = scope(actor);
            attempt(() -> show(scope, actor));
        } catch (InvalidRequestException e) {
            tenant.setErrorMessage(e.getMessage());
            tenant.setInvalid(true);
        }
    }

    private void show(Scope scope, Actor actor) {
        chart.show(columns(usage.lines(scope, By.DAY, Integer.MAX_VALUE, actor), scope));
        Line total = usage.total(scope, actor);
        totals.removeAll();
        totals.add(
                figure("Requests", count(total.requests()), total.failed() + " failed"),
                figure("Tokens", count(total.tokens()), count(total.completionTokens()) + " of answers"),
                figure("Cost", money(total.cost()), "by the prices of each day"),
                figure("Targets kept", percent(total.attainment()), "of requests that had any"));
        addUp(scope, by.getValue(), actor);
    }

    /** The table comes after what is seen at once: of many tenants it takes a while. */
    private void addUp(Scope scope, By dimension, Actor actor) {
        UI ui = UI.getCurrent();
        int mine = ++asked;
        grid.setItems(List.of());
        grid.setEmptyStateText("Adding up …");
        blockingWork.execute(() -> {
            List<Line> lines = new ArrayList<>();
            RuntimeException[] failure = new RuntimeException[1];
            try {
                lines.addAll(usage.lines(scope, dimension, MOST, actor));
            } catch (RuntimeException e) {
                failure[0] = e;
            }
            push(ui, () -> {
                if (mine != asked) {
                    return; // something else was asked for meanwhile
                }
                attempt(() -> {
                    if (failure[0] != null) {
                        throw failure[0];
                    }
                });
                grid.setEmptyStateComponent(empty("Nothing was used", "Choose other days, or make a request."));
                grid.setItems(lines);
            });
        });
    }

    private static Figure figure(String name, String value, String note) {
        Figure figure = new Figure(name);
        figure.show(value, note);
        return figure;
    }

    /** Each day of a scope, those included on which nothing was used. */
    static List<List<@Nullable Double>> columns(List<Line> days, Scope scope) {
        Map<String, Double> tokens = new HashMap<>();
        days.forEach(d -> tokens.put(d.name(), (double) d.tokens()));
        List<@Nullable Double> seconds = new ArrayList<>();
        List<@Nullable Double> values = new ArrayList<>();
        for (LocalDate day = scope.from(); !day.isAfter(scope.to()); day = day.plusDays(1)) {
            seconds.add((double) day.atStartOfDay(ZoneOffset.UTC).toEpochSecond());
            values.add(tokens.getOrDefault(day.toString(), 0.0));
        }
        return List.of(seconds, values);
    }

    private DownloadHandler csv() {
        return event -> {
            Actor actor = actors.actor();
            Scope[] scope = new Scope[1];
            By[] dimension = new By[1];
            event.getUI().accessSynchronously(() -> {
                scope[0] = scope(actor);
                dimension[0] = by.getValue();
            });
            event.setFileName("usage.csv");
            event.setContentType("text/csv;charset=UTF-8");
            UsageTable.write(usage, scope[0], dimension[0], actor, event.getWriter());
        };
    }
}
