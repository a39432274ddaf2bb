package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.HasText;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.server.streams.DownloadHandler;
import io.ashlar.access.Actor;
import io.ashlar.audit.AuditEntry;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.AuditTable;
import jakarta.annotation.security.RolesAllowed;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Who changed what, the newest first. */
@Route("audit")
@PageTitle("Audit · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER, ConsoleSecurity.TENANT_ADMINISTRATOR})
public class AuditView extends Page {
    private static final long serialVersionUID = 1;
    private static final int MORE = 100;

    private final transient AuditLog log;
    private final transient ConsoleActors actors;
    private final TextField actor = filter("Who", this::refresh);
    private final TextField action = filter("What", this::refresh);
    private final TextField subject = filter("To whom", this::refresh);
    private final Grid<AuditEntry> grid = new Grid<>();
    private final com.vaadin.flow.component.button.Button more = small("Show older", this::older);
    private final transient List<AuditEntry> shown = new ArrayList<>();

    public AuditView(AuditLog log, ConsoleActors actors) {
        super("Audit");
        this.log = log;
        this.actors = actors;
        Anchor export = new Anchor(csv(log), "Export as CSV");
        Div filters = new Div(actor, action, subject);
        filters.addClassName("filters");
        Div tools = new Div(filters, export);
        tools.addClassName("tools");
        grid.addColumn(e -> exact(e.at())).setHeader("When").setWidth("16.5rem").setFlexGrow(0);
        grid.addColumn(AuditEntry::actor).setHeader("Who").setWidth("9rem").setTooltipGenerator(AuditEntry::actor);
        grid.addComponentColumn(e -> code(e.action())).setHeader("What").setWidth("11rem");
        grid.addColumn(AuditEntry::subject)
                .setHeader("To whom")
                .setWidth("11rem")
                .setTooltipGenerator(AuditEntry::subject);
        grid.addComponentColumn(AuditView::change)
                .setHeader("Before and after")
                .setWidth("13rem")
                .setFlexGrow(3);
        grid.addColumn(AuditEntry::origin).setHeader("From").setWidth("8rem").setFlexGrow(0);
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(empty("Nothing found", "No change matches. Clear a field to see more."));
        add(tools, grid, more);
        refresh();
    }

    private AuditFilter filter() {
        return new AuditFilter(
                actor.getValue().strip(),
                action.getValue().strip(),
                subject.getValue().strip());
    }

    private void refresh() {
        shown.clear();
        older();
    }

    private void older() {
        attempt(() -> {
            long before = shown.isEmpty() ? Long.MAX_VALUE : shown.getLast().id();
            List<AuditEntry> next = log.latest(actors.actor(), filter(), before, MORE);
            shown.addAll(next);
            more.setVisible(next.size() == MORE);
            grid.setItems(List.copyOf(shown));
        });
    }

    private DownloadHandler csv(AuditLog from) {
        return event -> {
            AuditFilter[] chosen = new AuditFilter[1];
            Actor[] actor = {actors.actor()};
            event.getUI().accessSynchronously(() -> chosen[0] = filter());
            event.setFileName("audit.csv");
            event.setContentType("text/csv;charset=UTF-8");
            AuditTable.write(from, actor[0], chosen[0], event.getWriter());
        };
    }

    private static Span code(String text) {
        Span code = new Span(text);
        code.addClassName("code");
        return code;
    }

    /** Each value that changed, as it was (struck out) and as it is. */
    private static Div change(AuditEntry entry) {
        Div all = new Div();
        all.addClassName("change");
        Set<String> names = new LinkedHashSet<>(entry.before().keySet());
        names.addAll(entry.after().keySet());
        for (String name : names) {
            Div line = new Div(new Span(name + " "));
            if (entry.before().containsKey(name)) {
                line.add(new NativeDel(entry.before().get(name)));
            }
            if (entry.after().containsKey(name)) {
                line.add(new Span(" " + entry.after().get(name)));
            }
            all.add(line);
        }
        return all;
    }

    /** A value that no longer holds. */
    @Tag("del")
    private static final class NativeDel extends Component implements HasText {
        private static final long serialVersionUID = 1;

        NativeDel(String text) {
            setText(text);
        }
    }
}
