package io.ashlar.console;

import com.vaadin.flow.component.AttachEvent;
import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.DeploymentUse;
import io.ashlar.catalog.Upstream;
import io.ashlar.catalog.Upstreams;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.ModelSummary;
import io.ashlar.serving.Served;
import io.ashlar.serving.Serving;
import jakarta.annotation.security.RolesAllowed;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is served: its state, where, for whom, by which policy, at what price; models of ours, and upstreams. */
@Route("deployments")
@PageTitle("Deployments · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER})
public class DeploymentsView extends Page {
    private static final long serialVersionUID = 1;
    private static final String USUAL = "the platform's";

    private final transient Catalog catalog;
    private final transient Serving serving;
    private final transient ModelLibrary library;
    private final transient Upstreams upstreams;
    private final transient Pulse pulse;
    private final transient ConsoleActors actors;
    private transient Map<String, DeploymentUse> use = Map.of();
    private transient Map<String, ServedState> shown = Map.of();
    private transient Set<String> listed = Set.of();
    private final Map<String, Div> stateCells = new HashMap<>();
    private final Grid<Deployment> grid = new Grid<>();

    public DeploymentsView(
            Catalog catalog,
            Upstreams upstreams,
            Serving serving,
            ModelLibrary library,
            Limits limits,
            Pulse pulse,
            ConsoleActors actors) {
        super("Deployments");
        this.catalog = catalog;
        this.upstreams = upstreams;
        this.serving = serving;
        this.library = library;
        this.pulse = pulse;
        this.actors = actors;
        Actor actor = actors.actor();
        Map<String, Price> prices = limits.prices(actor);
        grid.addComponentColumn(this::nameAndState)
                .setHeader("Name, state")
                .setAutoWidth(true)
                .setFlexGrow(2);
        grid.addComponentColumn(this::source).setHeader("Model, place").setAutoWidth(true);
        grid.addComponentColumn(d -> lines(policy(d), String.join(", ", used(d).classes())))
                .setHeader("Policy, classes")
                .setAutoWidth(true);
        grid.addComponentColumn(d -> lines(context(d), limits(d)))
                .setHeader("Context, limits")
                .setAutoWidth(true);
        grid.addComponentColumn(d -> price(prices.get(d.name())))
                .setHeader("Price of a million")
                .setAutoWidth(true);
        if (actor.may(Permission.CHANGE_PLATFORM)) {
            grid.addComponentColumn(this::actions)
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0)
                    .setFrozenToEnd(true);
            Button elsewhere = new Button("Add upstream", e -> UpstreamDialog.create(this::createUpstream));
            Div buttons = new Div(elsewhere, primary("Create deployment", this::create));
            buttons.addClassName("buttons");
            Div tools = new Div(new Span(), buttons);
            tools.addClassName("tools");
            add(tools);
        }
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(
                empty("Nothing is deployed", "Import a model, or serve one that is imported under another name."));
        add(grid);
        refresh();
    }

    /** How deployments are changes by itself: the page follows. Buttons stay, so that none is gone as it is clicked. */
    @Override
    protected void onAttach(AttachEvent event) {
        UI ui = event.getUI();
        Runnable stop = pulse.onBeat(() -> push(ui, () -> {
            Map<String, ServedState> now = states();
            if (!now.keySet().equals(listed)
                    && !names(catalog.deployments(actors.actor())).equals(listed)) {
                refresh(); // somebody else made or deleted one
                return;
            }
            now.forEach((name, state) -> {
                Div cell = stateCells.get(name);
                if (cell != null && !state.equals(shown.get(name))) {
                    cell.removeAll();
                    cell.add(state.badge());
                }
            });
            shown = now;
        }));
        addDetachListener(e -> stop.run());
    }

    private Map<String, ServedState> states() {
        Map<String, ServedState> states = new TreeMap<>();
        serving.all().forEach(d -> states.put(d.name(), ServedState.of(d, null)));
        serving.failures().forEach((name, why) -> states.put(name, ServedState.of(null, why)));
        // How long a server took to answer is told when something else is to be told.
        states.replaceAll(
                (name, state) -> state.tone().equals("good") ? new ServedState(state.word(), state.tone(), "") : state);
        return states;
    }

    private void refresh() {
        attempt(() -> {
            shown = states();
            use = catalog.use(actors.actor());
            List<Deployment> all = catalog.deployments(actors.actor());
            stateCells.clear();
            listed = names(all);
            grid.setItems(all);
        });
    }

    private static Set<String> names(List<Deployment> deployments) {
        return deployments.stream().map(Deployment::name).collect(Collectors.toUnmodifiableSet());
    }

    /** In one cell: beside the actions, which stay in sight, a narrow screen has room for no more. */
    private Div nameAndState(Deployment d) {
        Div state = new Div(state(d).badge());
        stateCells.put(d.name(), state);
        Div cell = new Div(new Span(d.name()), state);
        cell.addClassName("two-lines");
        return cell;
    }

    private static Div lines(String first, String second) {
        Span below = new Span(second);
        below.addClassName("quiet");
        Div lines = new Div(new Span(first), below);
        lines.addClassName("two-lines");
        return lines;
    }

    private static String policy(Deployment d) {
        return d.upstream() != null ? "its own" : d.policy() == null ? USUAL : d.policy();
    }

    private DeploymentUse used(Deployment d) {
        return use.getOrDefault(d.name(), DeploymentUse.NONE);
    }

    private String context(Deployment d) {
        Served served = serving.find(d.name());
        Upstream upstream = d.upstream();
        return (served == null ? "–" : count(served.contextLength()) + " tokens")
                + (upstream == null ? "" : ", " + count(upstream.most()) + " at a time");
    }

    private String limits(Deployment d) {
        int limits = used(d).limits();
        int tenants = used(d).tenants();
        return (tenants == 1 ? "1 tenant, " : count(tenants) + " tenants, ")
                + (limits == 0 ? "no limits" : limits == 1 ? "1 limit" : count(limits) + " limits");
    }

    private static Component price(@Nullable Price price) {
        return price == null
                ? new Span("free")
                : lines(
                        money(price.prompt()) + " in, " + money(price.completion()) + " out",
                        money(price.cached()) + " cached");
    }

    private Div source(Deployment d) {
        Upstream upstream = d.upstream();
        return upstream == null
                ? lines(String.valueOf(d.model()), "on " + place(d))
                : lines(upstream.model(), "at " + upstream.host());
    }

    private ServedState state(Deployment deployment) {
        return ServedState.of(
                serving.find(deployment.name()), serving.failures().get(deployment.name()));
    }

    private String place(Deployment deployment) {
        Served served = serving.find(deployment.name());
        return served == null ? "–" : served.place();
    }

    private Component actions(Deployment d) {
        Button change = small("Change", () -> change(d));
        change.setAriaLabel("Change " + d.name());
        Button drain = small(d.draining() ? "Resume" : "Drain", () -> drain(d));
        drain.setAriaLabel(drain.getText() + " " + d.name());
        Button restart =
                small("Restart", () -> act(() -> catalog.restart(d.name(), actors.actor()), "Loads anew: " + d.name()));
        restart.setAriaLabel("Restart " + d.name());
        Button delete = small(
                "Delete",
                () -> confirm(
                        "Delete the deployment " + d.name() + "?",
                        "Requests for it are refused from now on; its grants, limits and price are forgotten."
                                + (d.upstream() == null ? " The model stays." : ""),
                        "Delete",
                        () -> act(() -> catalog.delete(d.name(), actors.actor()), "Deleted " + d.name() + ".")));
        delete.setAriaLabel("Delete " + d.name());
        Div all = new Div(change, drain, restart, delete);
        all.addClassNames("row-actions", "pairs");
        return all;
    }

    private void act(Runnable action, String told) {
        if (attempt(action)) {
            done(told);
            refresh();
        }
    }

    private void drain(Deployment d) {
        if (d.draining()) {
            act(() -> catalog.setDraining(d.name(), false, actors.actor()), d.name() + " takes requests again.");
            return;
        }
        confirm(
                "Drain " + d.name() + "?",
                "New requests are refused with 503; those that run end.",
                "Drain",
                () -> act(() -> catalog.setDraining(d.name(), true, actors.actor()), "Drains " + d.name() + "."));
    }

    private static Select<String> policies(String chosen) {
        Select<String> policy = new Select<>();
        policy.setLabel("Scheduler policy");
        policy.setItems(java.util.stream.Stream.concat(
                        java.util.stream.Stream.of(USUAL),
                        Arrays.stream(Policies.words().split(", ")))
                .toList());
        policy.setValue(chosen);
        policy.setWidthFull();
        return policy;
    }

    private void change(Deployment d) {
        if (d.upstream() != null) {
            UpstreamDialog.change(d, (name, upstream, key) -> {
                upstreams.change(name, upstream, key, actors.actor());
                done("Saved " + name + ".");
                refresh();
            });
            return;
        }
        Dialog dialog = new Dialog("Change " + d.name());
        Select<String> policy = policies(d.policy() == null ? USUAL : d.policy());
        Checkbox shares = new Checkbox("Tenants may find each other's cached prefixes", d.sharesPrefixes());
        shares.setHelperText("Faster, but timing tells that a prompt was seen.");
        Button save = primary("Save", () -> {
            String chosen = policy.getValue().equals(USUAL) ? null : policy.getValue();
            if (attempt(() -> catalog.change(d.name(), shares.getValue(), chosen, actors.actor()))) {
                dialog.close();
                done("Saved " + d.name() + ".");
                refresh();
            }
        });
        open(dialog, save, policy, shares);
    }

    private static void open(Dialog dialog, Button save, Component... fields) {
        VerticalLayout form = new VerticalLayout(fields);
        form.setPadding(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.setWidth("30rem");
        dialog.open();
    }

    private void createUpstream(String name, Upstream upstream, @Nullable String key) {
        upstreams.create(name, upstream, key, actors.actor());
        done("Added " + name + ". Grant it to tenants that may use it.");
        refresh();
    }

    private void create() {
        Dialog dialog = new Dialog("Create deployment");
        Select<String> model = new Select<>();
        model.setLabel("Model");
        model.setItems(
                library.list(actors.actor()).stream().map(ModelSummary::name).toList());
        model.setWidthFull();
        TextField name = new TextField("Name");
        name.setHelperText("What callers say as 'model'.");
        name.setWidthFull();
        Select<String> policy = policies(USUAL);
        Button save = primary("Create", () -> {
            try {
                catalog.create(
                        name.getValue().strip(),
                        Objects.toString(model.getValue(), ""),
                        false,
                        policy.getValue().equals(USUAL) ? null : policy.getValue(),
                        actors.actor());
                dialog.close();
                done("Created " + name.getValue().strip() + ".");
                refresh();
            } catch (InvalidRequestException e) {
                name.setErrorMessage(e.getMessage());
                name.setInvalid(true);
            }
        });
        open(dialog, save, model, name, policy);
    }
}
