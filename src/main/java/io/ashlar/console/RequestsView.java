package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.engine.Timeline;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.RequestLog;
import jakarta.annotation.security.PermitAll;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Requests that run or ended of late, and what became of each: nothing of what was said. */
@Route("requests")
@PageTitle("Requests · Ashlar")
@PermitAll // each sees their own tenant's
public class RequestsView extends Page {
    private static final long serialVersionUID = 1;
    private static final int MOST = 500;

    private final transient RequestLog log;
    private final transient Tenants tenants;
    private final transient ConsoleActors actors;
    private final TextField tenant = filter("Tenant", this::refresh);
    private final TextField model = filter("Model", this::refresh);
    private final Select<String> status = new Select<>();
    private final Checkbox live = new Checkbox("Live", true);
    private final transient Pulse pulse;
    private final Grid<RequestLog.Entry> grid = new Grid<>();
    private transient @Nullable List<String> shown;

    public RequestsView(RequestLog log, Tenants tenants, Pulse pulse, ConsoleActors actors) {
        super("Requests");
        this.pulse = pulse;
        this.log = log;
        this.tenants = tenants;
        this.actors = actors;
        tenant.setVisible(actors.actor().tenant() == null);
        status.setAriaLabel("Status");
        status.setItems("All", "Running", "Ended", "Refused");
        status.setValue("All");
        status.addValueChangeListener(e -> refresh());
        Div filters = new Div(tenant, model, status);
        filters.addClassName("filters");
        live.setTooltipText("New requests are shown as they come; off holds the list still.");
        Div tools = new Div(filters, live);
        tools.addClassName("tools");
        grid.addColumn(e -> moment(e.arrived())).setHeader("Arrived").setAutoWidth(true);
        grid.addComponentColumn(RequestsView::state).setHeader("Status").setAutoWidth(true);
        grid.addColumn(RequestLog.Entry::tenant).setHeader("Tenant").setAutoWidth(true);
        grid.addColumn(RequestLog.Entry::model).setHeader("Model").setAutoWidth(true);
        grid.addColumn(RequestLog.Entry::serviceClass).setHeader("Class").setAutoWidth(true);
        grid.addColumn(e -> count(e.prompt())).setHeader("Prompt").setAutoWidth(true);
        grid.addComponentColumn(e -> {
                    Button open = small("Timeline", () -> open(e));
                    open.setAriaLabel("Timeline of " + e.id());
                    return open;
                })
                .setHeader("What happened")
                .setAutoWidth(true);
        grid.setHeight("calc(100vh - 12rem)");
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(
                empty("No requests of late", "Those of the last quarter of an hour are shown here as they come."));
        add(tools, grid);
        refresh();
    }

    @Override
    protected void onAttach(AttachEvent event) {
        UI ui = event.getUI();
        Runnable stop = pulse.onBeat(() -> push(ui, () -> {
            if (live.getValue()) {
                refresh();
            }
        }));
        addDetachListener(e -> stop.run());
    }

    private void refresh() {
        attempt(() -> {
            Actor actor = actors.actor();
            UUID own = actor.tenant();
            List<RequestLog.Entry> found = own == null
                    ? log.latest(MOST, actor)
                    : tenants.byId(own, actor)
                            .map(t -> log.latest(t, MOST, actor))
                            .orElse(List.of());
            List<RequestLog.Entry> wanted = found.stream()
                    .filter(e -> e.tenant().contains(tenant.getValue().strip()))
                    .filter(e -> e.model().contains(model.getValue().strip()))
                    .filter(e ->
                            status.getValue().equals("All") || status.getValue().equals(word(e)))
                    .toList();
            List<String> lines = wanted.stream().map(e -> e.id() + word(e)).toList();
            if (!lines.equals(shown)) {
                shown = lines;
                grid.setItems(wanted);
            }
        });
    }

    private static String word(RequestLog.Entry entry) {
        Timeline timeline = entry.timeline();
        if (entry.refusal() != null || timeline == null) {
            return "Refused";
        }
        List<Timeline.Event> events = timeline.events();
        return !events.isEmpty() && events.getLast().what() == Timeline.What.ENDED || timeline.count() > Timeline.MOST
                ? "Ended"
                : "Running";
    }

    private static Span state(RequestLog.Entry entry) {
        return switch (word(entry)) {
            case "Refused" -> {
                Span refused = badge("Refused", "bad");
                refused.setTitle(String.valueOf(entry.refusal()));
                yield refused;
            }
            case "Running" -> badge("Running", "warn");
            default -> badge("Ended", "good");
        };
    }

    private void open(RequestLog.Entry entry) {
        Dialog dialog = new Dialog("Request " + entry.id());
        Timeline timeline = entry.timeline();
        if (entry.refusal() != null) {
            dialog.add(new Paragraph("Refused: " + entry.refusal()));
        }
        if (timeline != null && !timeline.events().isEmpty()) {
            dialog.add(picture(timeline.events()), table(timeline.events()));
        }
        Actor actor = actors.actor();
        attempt(() -> tenants.named(entry.tenant(), actor)
                .filter(t -> actor.may(Permission.USE_TENANT, t.id()))
                .map(t -> log.transcript(entry.id(), t, actor))
                .ifPresent(t -> dialog.add(said("Asked", t.asked()), said("Answered", t.answered()))));
        dialog.getFooter().add(new Button("Close", e -> dialog.close()));
        dialog.setWidth("52rem");
        dialog.open();
    }

    private static Div said(String title, String text) {
        Span content = new Span(text);
        content.addClassNames("code", "secret");
        return panel(title, content);
    }

    /** Waiting, prefill, decoding and pauses as spans of time, of the first choice. */
    private static Div picture(List<Timeline.Event> all) {
        List<Timeline.Event> events = all.stream().filter(e -> e.choice() <= 0).toList();
        Div picture = new Div();
        picture.addClassName("timeline");
        double end = Math.max(1, events.getLast().nanos());
        for (int i = 0; i + 1 < events.size(); i++) {
            Timeline.Event event = events.get(i);
            double width = 100 * (events.get(i + 1).nanos() - event.nanos()) / end;
            String name = switch (event.what()) {
                case QUEUED -> "waiting";
                case ADMITTED, RESUMED, MOVED_IN -> event.made() == 0 ? "prefill" : "decoding";
                case PREFILLED -> "decoding";
                case PAUSED, MOVED_OUT, DROPPED -> "paused";
                case ENDED -> "";
            };
            Div span = new Div();
            span.addClassName("span");
            span.getStyle()
                    .set("left", 100 * event.nanos() / end + "%")
                    .set("width", width + "%")
                    .set(
                            "background",
                            switch (name) {
                                case "waiting" -> "#c9d0d8";
                                case "prefill" -> "#8fb8de";
                                case "decoding" -> "#93cfa5";
                                default -> "#f2c078";
                            });
            span.getElement()
                    .setAttribute("title", name + " " + millis(events.get(i + 1).nanos() - event.nanos()));
            if (width > 8) {
                span.add(new Span(name));
            }
            picture.add(span);
        }
        picture.getElement().setAttribute("role", "img");
        picture.getElement().setAttribute("aria-label", "The request's time from arrival to end");
        return picture;
    }

    private static String millis(long nanos) {
        return String.format(Locale.ROOT, "%,.1f ms", nanos / 1e6);
    }

    private static Grid<Timeline.Event> table(List<Timeline.Event> events) {
        Grid<Timeline.Event> table = new Grid<>();
        table.addColumn(e -> millis(e.nanos())).setHeader("After").setAutoWidth(true);
        table.addColumn(e -> e.what().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .setHeader("What")
                .setAutoWidth(true);
        table.addColumn(Timeline.Event::made).setHeader("Tokens made").setAutoWidth(true);
        table.addColumn(e -> e.why() == null
                        ? ""
                        : e.why().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .setHeader("Why")
                .setFlexGrow(2);
        table.setItems(events);
        table.setHeight("18rem");
        return table;
    }
}
