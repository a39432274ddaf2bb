package io.ashlar.console;

import com.vaadin.flow.component.Key;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.CheckboxGroup;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.provider.DataProvider;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.router.RouterLink;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.usage.UsageReports;
import jakarta.annotation.security.RolesAllowed;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.springframework.transaction.support.TransactionTemplate;

/** The tenants: how each does, found by name or state. A page of them is read at a time, however many there are. */
@Route("tenants")
@PageTitle("Tenants · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER})
public class TenantsView extends Page {
    private static final long serialVersionUID = 1;

    /** A tenant and how it does. */
    private record Line(Tenant tenant, UsageReports.Health health) {}

    private final transient Tenants tenants;
    private final transient Catalog catalog;
    private final transient ApiKeys keys;
    private final transient UsageReports usage;
    private final transient TransactionTemplate transactions;
    private final transient Clock clock;
    private final transient ConsoleActors actors;
    private final Grid<Line> grid = new Grid<>();
    private final TextField search = filter("Find a tenant", () -> refreshAll());
    private final Select<String> state = new Select<>();

    public TenantsView(
            Tenants tenants,
            Catalog catalog,
            ApiKeys keys,
            UsageReports usage,
            TransactionTemplate transactions,
            Clock clock,
            ConsoleActors actors) {
        super("Tenants");
        this.tenants = tenants;
        this.catalog = catalog;
        this.keys = keys;
        this.usage = usage;
        this.transactions = transactions;
        this.clock = clock;
        this.actors = actors;
        state.setAriaLabel("State");
        state.setItems("All", "Active", "Suspended");
        state.setValue("All");
        state.addValueChangeListener(e -> refreshAll());
        Button create = primary("Create tenant", this::create);
        create.setVisible(actors.actor().may(Permission.CHANGE_PLATFORM));
        Div filters = new Div(search, state);
        filters.addClassName("filters");
        Div tools = new Div(filters, create);
        tools.addClassName("tools");
        grid.addComponentColumn(l -> new RouterLink(l.tenant.name(), TenantView.class, l.tenant.name()))
                .setHeader("Tenant")
                .setFlexGrow(2)
                .setAutoWidth(true);
        grid.addComponentColumn(l -> l.tenant.status() == Tenant.Status.ACTIVE
                        ? badge("Active", "good")
                        : badge("Suspended", "warn"))
                .setHeader("State")
                .setAutoWidth(true);
        grid.addColumn(l -> l.tenant.serviceClass()).setHeader("Class").setAutoWidth(true);
        grid.addComponentColumn(l -> attainment(l.health.attainment()))
                .setHeader("Targets kept, 7 days")
                .setAutoWidth(true);
        grid.addComponentColumn(l -> budget(l.health.budget()))
                .setHeader("Budget used")
                .setAutoWidth(true);
        grid.addColumn(l -> count(l.health.tokens()))
                .setHeader("Tokens, 7 days")
                .setAutoWidth(true);
        grid.addComponentColumn(l -> new RouterLink(
                        l.tenant.activeKeys() == 1 ? "1 key" : l.tenant.activeKeys() + " keys",
                        KeysView.class,
                        l.tenant.name()))
                .setHeader("API keys")
                .setAutoWidth(true);
        grid.setHeight("calc(100vh - 12rem)");
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(
                empty("No tenant found", "Create one: a team or customer with keys and models of its own."));
        Actor actor = actors.actor();
        grid.setItems(DataProvider.fromCallbacks(
                q -> lines(tenants.find(wanted(), q.getOffset(), q.getLimit(), actor), actor),
                q -> tenants.count(wanted(), actor)));
        add(tools, grid);
    }

    private void refreshAll() {
        grid.getDataProvider().refreshAll();
    }

    private Tenants.Search wanted() {
        return new Tenants.Search(
                search.getValue(),
                switch (state.getValue()) {
                    case "Active" -> Tenant.Status.ACTIVE;
                    case "Suspended" -> Tenant.Status.SUSPENDED;
                    default -> null;
                });
    }

    private Stream<Line> lines(List<Tenant> found, Actor actor) {
        LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
        Map<UUID, UsageReports.Health> health =
                usage.health(found.stream().map(Tenant::id).toList(), today, actor);
        UsageReports.Health nothing = new UsageReports.Health(0, null, null);
        return found.stream().map(t -> new Line(t, health.getOrDefault(t.id(), nothing)));
    }

    static com.vaadin.flow.component.html.Span attainment(@org.jspecify.annotations.Nullable Double percent) {
        return percent == null
                ? badge("no targets yet", "quiet")
                : badge(percent(percent), percent >= 99 ? "good" : percent >= 95 ? "warn" : "bad");
    }

    static com.vaadin.flow.component.html.Span budget(@org.jspecify.annotations.Nullable Double percent) {
        return percent == null
                ? badge("no budget", "quiet")
                : badge(percent(percent), percent < 80 ? "good" : percent < 100 ? "warn" : "bad");
    }

    private void create() {
        Dialog dialog = new Dialog("Create tenant");
        TextField name = new TextField("Name");
        name.setHelperText("Small letters, digits and hyphens; it cannot be changed later.");
        name.setWidthFull();
        name.setRequiredIndicatorVisible(true);
        List<String> names = catalog.deployments(actors.actor()).stream()
                .map(Deployment::name)
                .toList();
        CheckboxGroup<String> models = new CheckboxGroup<>("May use");
        models.setItems(names);
        models.setValue(new HashSet<>(names));
        TextField key = new TextField("First API key");
        key.setHelperText("What it is for. Empty makes none.");
        key.setValue("first key");
        key.setWidthFull();
        Button create = primary("Create", () -> create(dialog, name, models.getValue(), key.getValue()));
        create.addClickShortcut(Key.ENTER);
        VerticalLayout form = new VerticalLayout(name, models, key);
        form.setPadding(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), create);
        dialog.setWidth("28rem");
        dialog.open();
        name.focus();
    }

    private void create(Dialog dialog, TextField name, Set<String> models, String key) {
        Actor actor = actors.actor();
        try {
            String secret = transactions.execute(t -> {
                UUID tenant = tenants.create(name.getValue().strip(), actor);
                models.forEach(model -> catalog.grant(tenant, model, actor));
                return key.isBlank() ? "" : keys.create(tenant, key, null, actor);
            });
            dialog.close();
            done("Created " + name.getValue().strip() + ".");
            refreshAll();
            if (secret != null && !secret.isEmpty()) {
                KeysView.show(secret);
            }
        } catch (InvalidRequestException e) {
            name.setErrorMessage(e.getMessage());
            name.setInvalid(true);
            name.focus();
        }
    }
}
