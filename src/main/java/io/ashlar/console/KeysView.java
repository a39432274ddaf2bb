package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.datepicker.DatePicker;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.icon.VaadinIcon;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.BeforeEvent;
import com.vaadin.flow.router.HasUrlParameter;
import com.vaadin.flow.router.OptionalParameter;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.identity.ApiKey;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Project;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.PermitAll;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A tenant's API keys. */
@Route("keys")
@PageTitle("API keys · Ashlar")
@PermitAll // each sees the keys that their role may
public class KeysView extends Page implements HasUrlParameter<String> {
    private static final long serialVersionUID = 1;

    private final transient Tenants tenants;
    private final transient ApiKeys keys;
    private final transient Clock clock;
    private final transient ConsoleActors actors;
    private final TenantPicker tenant;
    private final Button create = primary("Create key", this::create);
    private final Grid<ApiKey> grid = new Grid<>();

    public KeysView(Tenants tenants, ApiKeys keys, Clock clock, ConsoleActors actors) {
        super("API keys");
        this.tenants = tenants;
        this.keys = keys;
        this.clock = clock;
        this.actors = actors;
        tenant = new TenantPicker(tenants, actors);
        tenant.setAriaLabel("Tenant");
        tenant.addValueChangeListener(e -> refresh());
        Div tools = new Div(tenant, create);
        tools.addClassName("tools");
        grid.addColumn(ApiKey::name).setHeader("Name").setFlexGrow(2).setAutoWidth(true);
        grid.addColumn(ApiKey::project).setHeader("Project").setAutoWidth(true);
        grid.addComponentColumn(KeysView::prefix).setHeader("Key").setAutoWidth(true);
        grid.addComponentColumn(k -> state(k.state(clock.instant())))
                .setHeader("State")
                .setAutoWidth(true);
        grid.addColumn(k -> time(k.createdAt())).setHeader("Created").setAutoWidth(true);
        grid.addColumn(k -> k.expiresAt() == null ? "never" : time(k.expiresAt()))
                .setHeader("Expires")
                .setAutoWidth(true);
        grid.addComponentColumn(this::actions)
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFrozenToEnd(true)
                .setFlexGrow(0);
        grid.setHeight("calc(100vh - 12rem)");
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(empty(
                "No keys yet", "A key opens the API for this tenant. Its secret is shown once, when it is created."));
        add(tools, grid);
    }

    @Override
    public void setParameter(BeforeEvent event, @OptionalParameter @Nullable String name) {
        attempt(() -> tenant.choose(name));
        refresh();
    }

    private void refresh() {
        Tenant chosen = tenant.getValue();
        create.setEnabled(chosen != null);
        grid.setVisible(chosen != null);
        if (chosen != null) {
            grid.setItems(
                    page -> keys.ofTenant(chosen.id(), page.getOffset(), page.getLimit(), actors.actor()).stream());
        }
    }

    static Component prefix(ApiKey key) {
        Span text = new Span("ash_" + key.prefix() + "_…");
        text.addClassName("code");
        return text;
    }

    private static Span state(ApiKey.State state) {
        return switch (state) {
            case ACTIVE -> badge("Active", "good");
            case EXPIRED -> badge("Expired", "warn");
            case REVOKED -> badge("Revoked", "quiet");
        };
    }

    private Component actions(ApiKey key) {
        if (key.state(clock.instant()) == ApiKey.State.REVOKED) {
            return new Span();
        }
        Button revoke = small("Revoke", () -> revoke(key));
        revoke.setAriaLabel("Revoke " + key.name());
        return revoke;
    }

    private void create() {
        Tenant owner = tenant.getValue();
        TextField name = FieldDialog.text("Name", "What it is for, so that you know it again.", "");
        name.setRequiredIndicatorVisible(true);
        List<String> projects = tenants.projects(owner.id(), actors.actor()).stream()
                .map(Project::name)
                .toList();
        Select<String> project = new Select<>();
        project.setLabel("Project");
        project.setItems(projects);
        project.setValue(Tenants.FIRST_PROJECT);
        project.setVisible(projects.size() > 1);
        DatePicker expires = day("Expires");
        expires.setPlaceholder("Never");
        expires.setClearButtonVisible(true);
        expires.setMin(LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC).plusDays(1));
        new FieldDialog("Create a key for " + owner.name())
                .field("name", name)
                .field("project", project)
                .field("expires", expires)
                .open("Create", () -> {
                    LocalDate day = expires.getValue();
                    Instant until = day == null
                            ? null
                            : day.atStartOfDay(ZoneOffset.UTC).toInstant();
                    ApiKeys.Made made =
                            keys.create(owner.id(), project.getValue(), name.getValue(), until, actors.actor());
                    show(made.text());
                    refresh();
                });
        name.focus();
    }

    static void show(String secret) {
        Dialog dialog = new Dialog("Copy the key now");
        Span text = new Span(secret);
        text.addClassNames("code", "secret");
        text.setId("new-key");
        Button copy = new Button("Copy", VaadinIcon.COPY.create());
        copy.addClickListener(e -> {
            copy.getElement().executeJs("navigator.clipboard && navigator.clipboard.writeText($0)", secret);
            copy.setText("Copied");
        });
        dialog.add(new Paragraph("Only its hash is kept. It cannot be shown again."), text);
        dialog.getFooter().add(copy, primary("Done", dialog::close));
        dialog.setCloseOnOutsideClick(false);
        dialog.setWidth("36rem");
        dialog.open();
    }

    private void revoke(ApiKey key) {
        confirm(
                "Revoke " + key.name() + "?",
                "It is refused within a second, and cannot be brought back.",
                "Revoke",
                () -> {
                    if (attempt(() -> keys.revoke(tenant.getValue().id(), key.id(), actors.actor()))) {
                        done("Revoked " + key.name() + ".");
                        refresh();
                    }
                });
    }
}
