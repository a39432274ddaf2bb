package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.Key;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.CheckboxGroup;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.value.ValueChangeMode;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.RolesAllowed;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;

/** The tenants: who they are, what they may use, and whether they are let in. */
@Route("tenants")
@PageTitle("Tenants · Ashlar")
@RolesAllowed(ConsoleSecurity.ADMINISTRATOR)
public class TenantsView extends Page {
    private static final long serialVersionUID = 1;

    private final transient Tenants tenants;
    private final transient Catalog catalog;
    private final transient ConsoleActors actors;
    private final Grid<Tenant> grid = new Grid<>();
    private final TextField search = new TextField();

    public TenantsView(Tenants tenants, Catalog catalog, ConsoleActors actors) {
        super("Tenants");
        this.tenants = tenants;
        this.catalog = catalog;
        this.actors = actors;
        search.setPlaceholder("Find a tenant");
        search.setAriaLabel("Find a tenant");
        search.setClearButtonVisible(true);
        search.setValueChangeMode(ValueChangeMode.LAZY);
        search.addValueChangeListener(e -> refresh());
        Div tools = new Div(search, primary("Create tenant", this::create));
        tools.addClassName("tools");
        grid.addColumn(Tenant::name).setHeader("Tenant").setFlexGrow(2).setAutoWidth(true);
        grid.addComponentColumn(
                        t -> t.status() == Tenant.Status.ACTIVE ? badge("Active", "good") : badge("Suspended", "warn"))
                .setHeader("State")
                .setAutoWidth(true);
        grid.addComponentColumn(this::keys).setHeader("API keys").setAutoWidth(true);
        grid.addColumn(t -> time(t.createdAt())).setHeader("Created").setAutoWidth(true);
        grid.addComponentColumn(this::actions)
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFrozenToEnd(true)
                .setFlexGrow(0);
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(
                empty("No tenant found", "Create one: a team or customer with keys and models of its own."));
        add(tools, grid);
        refresh();
    }

    private void refresh() {
        String wanted = search.getValue().toLowerCase(Locale.ROOT);
        attempt(() -> grid.setItems(tenants.find(new Tenants.Search(wanted, null), 0, 1000, actors.actor())));
    }

    private Component keys(Tenant tenant) {
        String text = tenant.activeKeys() == 1 ? "1 key" : tenant.activeKeys() + " keys";
        return small(text, () -> getUI().ifPresent(ui -> ui.navigate(KeysView.class, tenant.name())));
    }

    private Component actions(Tenant tenant) {
        Button models = small("Models", () -> models(tenant));
        models.setAriaLabel("Models of " + tenant.name());
        Button status = tenant.status() == Tenant.Status.ACTIVE
                ? small("Suspend", () -> suspend(tenant))
                : small("Resume", () -> resume(tenant));
        status.setAriaLabel(status.getText() + " " + tenant.name());
        Div both = new Div(models, status);
        both.addClassName("row-actions");
        return both;
    }

    private void create() {
        Dialog dialog = new Dialog("Create tenant");
        TextField name = new TextField("Name");
        name.setHelperText("Small letters, digits and hyphens; it cannot be changed later.");
        name.setWidthFull();
        name.setRequiredIndicatorVisible(true);
        CheckboxGroup<String> models = choice(names());
        models.setValue(new HashSet<>(names()));
        Button create = primary("Create", () -> create(dialog, name, models.getValue()));
        create.addClickShortcut(Key.ENTER);
        VerticalLayout form = new VerticalLayout(name, models);
        form.setPadding(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), create);
        dialog.setWidth("28rem");
        dialog.open();
        name.focus();
    }

    private void create(Dialog dialog, TextField name, Set<String> models) {
        try {
            UUID tenant = tenants.create(name.getValue().strip(), actors.actor());
            models.forEach(model -> catalog.grant(tenant, model, actors.actor()));
            dialog.close();
            done("Created " + name.getValue().strip() + ". Now give it an API key.");
            refresh();
        } catch (InvalidRequestException e) {
            name.setErrorMessage(e.getMessage());
            name.setInvalid(true);
            name.focus();
        }
    }

    private List<String> names() {
        return catalog.deployments(actors.actor()).stream()
                .map(Deployment::name)
                .toList();
    }

    private static CheckboxGroup<String> choice(List<String> names) {
        CheckboxGroup<String> models = new CheckboxGroup<>("May use");
        models.setItems(names);
        return models;
    }

    private void models(Tenant tenant) {
        Dialog dialog = new Dialog("Models of " + tenant.name());
        CheckboxGroup<String> models = choice(names());
        Set<String> granted = catalog.grantsOf(tenant.id(), actors.actor());
        models.setValue(granted);
        Button save = primary("Save", () -> {
            Set<String> wanted = models.getValue();
            if (attempt(() -> change(tenant, granted, wanted))) {
                dialog.close();
                done("Saved the models of " + tenant.name() + ".");
            }
        });
        dialog.add(models);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.setWidth("28rem");
        dialog.open();
    }

    private void change(Tenant tenant, Set<String> granted, Set<String> wanted) {
        for (String model : wanted) {
            if (!granted.contains(model)) {
                catalog.grant(tenant.id(), model, actors.actor());
            }
        }
        for (String model : granted) {
            if (!wanted.contains(model)) {
                catalog.withdraw(tenant.id(), model, actors.actor());
            }
        }
    }

    private void suspend(Tenant tenant) {
        confirm(
                "Suspend " + tenant.name() + "?",
                "Its API keys are refused within a second, until it is resumed. Requests that are running end normally.",
                "Suspend",
                () -> {
                    if (attempt(() -> tenants.suspend(tenant.id(), actors.actor()))) {
                        done("Suspended " + tenant.name() + ".");
                        refresh();
                    }
                });
    }

    private void resume(Tenant tenant) {
        if (attempt(() -> tenants.resume(tenant.id(), actors.actor()))) {
            done("Resumed " + tenant.name() + ".");
            refresh();
        }
    }
}
