package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.checkbox.CheckboxGroup;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H1;
import com.vaadin.flow.component.html.Header;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.BeforeEvent;
import com.vaadin.flow.router.HasDynamicTitle;
import com.vaadin.flow.router.HasUrlParameter;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.router.RouterLink;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.Project;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.usage.UsageReports;
import jakarta.annotation.security.PermitAll;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** A tenant: how it does, its projects, keys, limits, class and grants. Its own members come here first. */
@Route("tenants")
@PermitAll // each sees their own
public class TenantView extends Page implements HasUrlParameter<String>, HasDynamicTitle {
    private static final long serialVersionUID = 1;
    private static final int DAYS = 30;
    private static final int SOME = 5;

    /** What this page works with. */
    private final transient Tenants tenants;

    private final transient Catalog catalog;
    private final transient LimitsSection.Services limits;
    private final transient Members members;
    private final transient ServiceClasses classes;
    private final transient UsageReports usage;
    private final transient Clock clock;
    private final transient ConsoleActors actors;
    private String name = "";

    public TenantView(
            Tenants tenants,
            Catalog catalog,
            Limits limits,
            Quotas quotas,
            ApiKeys keys,
            Members members,
            ServiceClasses classes,
            UsageReports usage,
            Clock clock,
            ConsoleActors actors) {
        super("Tenant");
        this.tenants = tenants;
        this.catalog = catalog;
        this.limits = new LimitsSection.Services(limits, quotas, tenants, keys, catalog);
        this.members = members;
        this.classes = classes;
        this.usage = usage;
        this.clock = clock;
        this.actors = actors;
    }

    @Override
    public String getPageTitle() {
        return name + " · Ashlar";
    }

    @Override
    public void setParameter(BeforeEvent event, String tenant) {
        name = tenant;
        show();
    }

    private void show() {
        removeAll();
        Actor actor = actors.actor();
        attempt(() -> tenants.named(name, actor)
                .ifPresentOrElse(
                        t -> show(t, actor),
                        () -> add(empty(
                                "There is no such tenant", "It may have another name, or is not yours to see."))));
    }

    private void show(Tenant tenant, Actor actor) {
        boolean platform = actor.may(Permission.CHANGE_PLATFORM);
        boolean changes = actor.may(Permission.CHANGE_TENANT, tenant.id());
        Div actions = new Div();
        actions.addClassName("actions");
        if (platform) {
            actions.add(
                    tenant.status() == Tenant.Status.ACTIVE
                            ? new Button("Suspend", e -> suspend(tenant))
                            : primary(
                                    "Resume",
                                    () -> act(() -> tenants.resume(tenant.id(), actors.actor()), "Resumed.")));
        }
        Header header = new Header(new H1(tenant.name()), actions);
        header.addClassName("page-head");
        Map<UUID, UsageReports.Health> health = usage.health(List.of(tenant.id()), today(), actor);
        UsageReports.Health own = health.getOrDefault(tenant.id(), new UsageReports.Health(0, null, null));
        Div facts = new Div(
                tenant.status() == Tenant.Status.ACTIVE ? badge("Active", "good") : badge("Suspended", "warn"),
                fact("Targets kept, 7 days:", TenantsView.attainment(own.attainment())),
                fact("Budget:", TenantsView.budget(own.budget())),
                new Span("Class " + tenant.serviceClass() + ", weight " + tenant.weight()));
        facts.addClassName("facts");
        if (platform) {
            facts.add(small("Change class", () -> service(tenant)));
        }
        Div panels = new Div(models(tenant, actor, platform), projects(tenant, actor, changes), people(tenant, actor));
        panels.addClassNames("panels", "thirds");
        add(
                header,
                facts,
                tokens(tenant, actor),
                panels,
                new LimitsSection(limits, tenant, actors),
                content(tenant, changes));
    }

    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    private void act(Runnable action, String told) {
        if (attempt(action)) {
            done(told);
            show();
        }
    }

    private Component tokens(Tenant tenant, Actor actor) {
        LocalDate today = today();
        UsageReports.Scope scope = new UsageReports.Scope(today.minusDays(DAYS - 1), today, tenant.id(), null, null);
        List<UsageReports.Line> days = usage.lines(scope, UsageReports.By.DAY, DAYS, actor);
        UsageReports.Line total = usage.total(scope, actor);
        Chart chart = new Chart("Tokens by day", "", true, new Chart.Series("tokens", Chart.FIRST, false));
        chart.show(UsageView.columns(days, scope));
        Paragraph sum = new Paragraph(count(total.requests()) + " requests, " + count(total.tokens()) + " tokens, cost "
                + money(total.cost()) + ".");
        return panel(
                "Tokens, the last 30 days", chart, sum, new RouterLink("More about usage and cost", UsageView.class));
    }

    private Component models(Tenant tenant, Actor actor, boolean platform) {
        Set<String> granted = catalog.grantsOf(tenant.id(), actor);
        Div list = new Div();
        list.addClassName("facts");
        granted.forEach(m -> list.add(badge(m, "quiet")));
        if (granted.isEmpty()) {
            list.add(new Paragraph("None yet."));
        }
        Div actions = actions();
        if (actor.may(Permission.USE_TENANT, tenant.id())) {
            actions.add(new RouterLink("Try them", PlaygroundView.class, tenant.name()));
        }
        if (platform) {
            Button change = small("Change models", () -> models(tenant, granted));
            change.setAriaLabel("Change models of " + tenant.name());
            actions.add(change);
        }
        return panel("Models that it may use", list, actions);
    }

    /** What can be done with a panel, below it. */
    private static Div actions(Component... all) {
        Div actions = new Div(all);
        actions.addClassName("panel-actions");
        return actions;
    }

    /** A name with its value, which stay together. */
    private static Div fact(String name, Component value) {
        Div fact = new Div(new Span(name), value);
        fact.addClassName("fact");
        return fact;
    }

    private void models(Tenant tenant, Set<String> granted) {
        Dialog dialog = new Dialog("Models of " + tenant.name());
        CheckboxGroup<String> models = new CheckboxGroup<>("May use");
        models.setItems(catalog.deployments(actors.actor()).stream()
                .map(Deployment::name)
                .toList());
        models.setValue(granted);
        Button save = primary("Save", () -> {
            Set<String> wanted = models.getValue();
            if (attempt(() -> change(tenant, granted, wanted))) {
                dialog.close();
                done("Saved the models of " + tenant.name() + ".");
                show();
            }
        });
        dialog.add(models);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.setWidth("28rem");
        dialog.open();
    }

    private void change(Tenant tenant, Set<String> granted, Set<String> wanted) {
        Actor actor = actors.actor();
        wanted.stream().filter(m -> !granted.contains(m)).forEach(m -> catalog.grant(tenant.id(), m, actor));
        granted.stream().filter(m -> !wanted.contains(m)).forEach(m -> catalog.withdraw(tenant.id(), m, actor));
    }

    private Component projects(Tenant tenant, Actor actor, boolean changes) {
        Div panel = panel("Projects");
        for (Project project : tenants.projects(tenant.id(), actor)) {
            Div line = new Div(
                    new Span(project.name()),
                    badge(project.activeKeys() == 1 ? "1 key" : count(project.activeKeys()) + " keys", "quiet"));
            if (changes && project.activeKeys() == 0 && !project.name().equals(Tenants.FIRST_PROJECT)) {
                Button remove = small("Remove", () -> remove(tenant, project));
                remove.setAriaLabel("Remove the project " + project.name());
                line.add(remove);
            }
            line.addClassName("facts");
            panel.add(line);
        }
        Div actions = actions(new RouterLink("API keys", KeysView.class, tenant.name()));
        panel.add(actions);
        if (changes) {
            actions.add(small("Create project", () -> createProject(tenant)));
        }
        return panel;
    }

    private void createProject(Tenant tenant) {
        TextField project = FieldDialog.text("Name", "Keys, usage and limits can be told apart by it.", "");
        new FieldDialog("Create a project of " + tenant.name())
                .field("name", project)
                .open("Create", () -> {
                    tenants.createProject(tenant.id(), project.getValue().strip(), actors.actor());
                    show();
                });
    }

    private void remove(Tenant tenant, Project project) {
        confirm(
                "Remove the project " + project.name() + "?",
                "One that has, or had, API keys or limits stays: usage goes on naming it.",
                "Remove",
                () -> act(
                        () -> tenants.removeProject(tenant.id(), project.name(), actors.actor()),
                        "Removed " + project.name() + "."));
    }

    /** The first of its people; the rest are on a page of their own. */
    private Component people(Tenant tenant, Actor actor) {
        Div panel = panel("Members");
        for (Member member : members.find(tenant.id(), "", 0, SOME, actor)) {
            Div line = new Div(new Span(member.login()), badge(member.role().words(), "quiet"));
            if (!member.enabled()) {
                line.add(badge("Disabled", "warn"));
            }
            line.addClassName("facts");
            panel.add(line);
        }
        int all = members.count(tenant.id(), "", actor);
        if (all == 0) {
            panel.add(new Paragraph("Nobody yet."));
        }
        if (actor.may(Permission.CHANGE_TENANT, tenant.id()) || actor.may(Permission.SEE_PLATFORM)) {
            panel.add(actions(new RouterLink(
                    all > SOME ? "All " + count(all) + " members" : "Members", MembersView.class, tenant.name())));
        }
        return panel;
    }

    private Component content(Tenant tenant, boolean changes) {
        Checkbox logs =
                new Checkbox("Keep prompts and answers for a quarter of an hour, beside each request's timeline");
        logs.setValue(tenant.logsContent());
        logs.setReadOnly(!changes);
        logs.setEnabled(changes);
        logs.addValueChangeListener(e -> {
            if (e.isFromClient()) {
                act(() -> tenants.setLogsContent(tenant.id(), e.getValue(), actors.actor()), "Saved.");
            }
        });
        Div panel = panel("Content logging", logs);
        panel.getStyle().set("margin-top", "0.75rem");
        return panel;
    }

    private void suspend(Tenant tenant) {
        confirm(
                "Suspend " + tenant.name() + "?",
                "Its API keys are refused within a second, until it is resumed. Requests that are running end normally.",
                "Suspend",
                () -> act(() -> tenants.suspend(tenant.id(), actors.actor()), "Suspended " + tenant.name() + "."));
    }

    private void service(Tenant tenant) {
        Select<String> service = new Select<>();
        service.setLabel("Service class");
        service.setItems(
                classes.all(actors.actor()).stream().map(ServiceClass::name).toList());
        service.setValue(tenant.serviceClass());
        NumberField weight = FieldDialog.number(
                "Weight beside other tenants", "A share twice as large where it is 2, beside 1.", tenant.weight());
        new FieldDialog("Class and weight of " + tenant.name())
                .field("service_class", service)
                .field("weight", weight)
                .open("Save", () -> {
                    classes.setTenant(
                            tenant.id(), service.getValue(), FieldDialog.value("weight", weight), actors.actor());
                    done("Saved.");
                    show();
                });
    }
}
