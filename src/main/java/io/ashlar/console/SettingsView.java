package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextArea;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.access.Role;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import io.ashlar.platform.Platform;
import io.ashlar.platform.PlatformSettings;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import jakarta.annotation.security.RolesAllowed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Who vouches for people, what tenants are promised, and what models cost. */
@Route("settings")
@PageTitle("Settings · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER})
public class SettingsView extends Page {
    private static final long serialVersionUID = 1;
    private static final double MILLION = 1e6;

    private final transient SignInProviders providers;
    private final transient ServiceClasses classes;
    private final transient Limits limits;
    private final transient Catalog catalog;
    private final transient Platform platform;
    private final transient ConsoleActors actors;
    private final Div content = new Div();

    public SettingsView(
            SignInProviders providers,
            ServiceClasses classes,
            Limits limits,
            Catalog catalog,
            Platform platform,
            ConsoleActors actors) {
        super("Settings");
        this.providers = providers;
        this.classes = classes;
        this.limits = limits;
        this.catalog = catalog;
        this.platform = platform;
        this.actors = actors;
        add(content);
        refresh();
    }

    private boolean changes() {
        return actors.actor().may(Permission.CHANGE_PLATFORM);
    }

    private void refresh() {
        attempt(() -> {
            content.removeAll();
            content.add(
                    head("Sign-in", "Add provider", () -> provider(null)),
                    providerGrid(),
                    head("Service classes", "Add class", () -> serviceClass(null)),
                    classGrid(),
                    head("Prices of a million tokens", null, () -> {}),
                    priceGrid(),
                    head("Retention and webhooks", "Change", this::platform),
                    platformPanel());
        });
    }

    private Div head(String title, @Nullable String action, Runnable work) {
        Div head = new Div(new H2(title));
        head.addClassName("tools");
        if (action != null && changes()) {
            head.add(new Button(action, e -> work.run()));
        }
        return head;
    }

    private static <T> Grid<T> grid(Component emptyState) {
        Grid<T> grid = new Grid<>();
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(emptyState);
        return grid;
    }

    private Grid<SignInProvider> providerGrid() {
        Grid<SignInProvider> grid = grid(empty(
                "No provider yet",
                "Add your company's OpenID Connect provider, and people sign in as they do elsewhere."));
        grid.addColumn(SignInProvider::name).setHeader("Name").setAutoWidth(true);
        grid.addColumn(SignInProvider::issuer)
                .setHeader("Issuer")
                .setFlexGrow(2)
                .setAutoWidth(true);
        grid.addColumn(p -> p.rules().size()).setHeader("Rules").setAutoWidth(true);
        grid.addColumn(p -> p.audience() == null ? "no" : p.audience())
                .setHeader("Tokens at the API")
                .setAutoWidth(true);
        grid.addComponentColumn(p -> p.enabled() ? badge("Enabled", "good") : badge("Disabled", "warn"))
                .setHeader("State")
                .setAutoWidth(true);
        grid.addComponentColumn(p -> {
                    if (p.fixed() || !changes()) {
                        return new Span(p.fixed() ? "set in the configuration" : "");
                    }
                    Div all = new Div(
                            small("Change", () -> provider(p)),
                            small(
                                    "Remove",
                                    () -> confirm(
                                            "Remove " + p.name() + "?",
                                            "Its people stay members, and cannot sign in.",
                                            "Remove",
                                            () -> {
                                                if (attempt(() -> providers.remove(p.name(), actors.actor()))) {
                                                    refresh();
                                                }
                                            })));
                    all.addClassName("row-actions");
                    return all;
                })
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFlexGrow(0);
        grid.setItems(providers.all(actors.actor()));
        return grid;
    }

    private void provider(@Nullable SignInProvider old) {
        Dialog dialog = new Dialog(old == null ? "Add provider" : "Change " + old.name());
        TextField name = field("Name", "In addresses: small letters, digits, hyphens.", old == null ? "" : old.name());
        name.setReadOnly(old != null);
        TextField title = field("Title", "On the sign-in button.", old == null ? "" : old.title());
        TextField issuer =
                field("Issuer", "Such as https://login.example.org/realms/main.", old == null ? "" : old.issuer());
        TextField client = field("Client id", "", old == null ? "" : old.clientId());
        PasswordField secret = new PasswordField("Client secret");
        secret.setHelperText(old == null ? "Empty for a public client." : "Empty keeps the one there is.");
        secret.setWidthFull();
        TextField audience = field(
                "Audience of access tokens",
                "Empty: they open no door.",
                old == null || old.audience() == null ? "" : old.audience());
        TextArea rules = new TextArea("Rules");
        rules.setHelperText(
                "One a line: claim = value : role, or claim = value : role @ tenant. The first that fits holds.");
        rules.setValue(
                old == null ? "" : old.rules().stream().map(SettingsView::words).collect(Collectors.joining("\n")));
        rules.setWidthFull();
        Checkbox enabled = new Checkbox("Enabled", old == null || old.enabled());
        Span redirect = new Span("Tell the provider this address for redirects: …/login/oauth2/code/NAME");
        redirect.addClassName("zoo-note");
        Button save = primary("Save", () -> {
            try {
                SignInProvider set = new SignInProvider(
                        name.getValue().strip(),
                        title.isEmpty()
                                ? name.getValue().strip()
                                : title.getValue().strip(),
                        issuer.getValue().strip(),
                        client.getValue().strip(),
                        old == null ? List.of("profile", "email") : old.scopes(),
                        old == null ? "preferred_username" : old.loginClaim(),
                        audience.isEmpty() ? null : audience.getValue().strip(),
                        parse(rules.getValue()),
                        enabled.getValue(),
                        false);
                providers.set(set, secret.isEmpty() ? null : secret.getValue(), actors.actor());
                dialog.close();
                done("Saved; it holds at once.");
                refresh();
            } catch (InvalidRequestException e) {
                failed(String.valueOf(e.getMessage()));
            }
        });
        open(dialog, save, name, title, issuer, client, secret, audience, rules, enabled, redirect);
    }

    private static TextField field(String label, String help, String value) {
        TextField field = new TextField(label);
        field.setHelperText(help);
        field.setValue(value);
        field.setWidthFull();
        return field;
    }

    private static void open(Dialog dialog, Button save, Component... fields) {
        VerticalLayout form = new VerticalLayout(fields);
        form.setPadding(false);
        form.setSpacing(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.setWidth("34rem");
        dialog.open();
    }

    private static String words(SignInProvider.Rule rule) {
        return rule.claim() + " = " + rule.value() + " : " + rule.role().word()
                + (rule.tenant() == null ? "" : " @ " + rule.tenant());
    }

    private static List<SignInProvider.Rule> parse(String text) {
        List<SignInProvider.Rule> rules = new ArrayList<>();
        for (String line : text.lines().filter(l -> !l.isBlank()).toList()) {
            String[] parts = line.split("[=:@]", 4);
            Role role = parts.length < 3 ? null : Role.of(parts[2].strip()).orElse(null);
            if (role == null) {
                throw new InvalidRequestException(
                        "rules",
                        "A rule is 'claim = value : role' or 'claim = value : role @ tenant', with one of the roles "
                                + Role.allWords() + "; not '" + line + "'.");
            }
            rules.add(new SignInProvider.Rule(
                    parts[0].strip(), parts[1].strip(), role, parts.length == 4 ? parts[3].strip() : null));
        }
        return rules;
    }

    private Grid<ServiceClass> classGrid() {
        Grid<ServiceClass> grid = grid(empty("No classes", ""));
        grid.addColumn(ServiceClass::name).setHeader("Name").setAutoWidth(true);
        grid.addColumn(ServiceClass::order).setHeader("Order").setAutoWidth(true);
        grid.addColumn(c -> millis(c.ttft())).setHeader("First token within").setAutoWidth(true);
        grid.addColumn(c -> millis(c.tpot()))
                .setHeader("Each token after within")
                .setAutoWidth(true);
        grid.addColumn(c -> c.percentile() + " %").setHeader("For").setAutoWidth(true);
        grid.addColumn(ServiceClass::weight).setHeader("Weight").setAutoWidth(true);
        grid.addColumn(c -> c.queueTime().isZero()
                        ? "refused"
                        : "waits " + c.queueTime().toSeconds() + " s")
                .setHeader("Beyond a limit")
                .setAutoWidth(true);
        if (changes()) {
            grid.addComponentColumn(c -> small("Change", () -> serviceClass(c)))
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0);
        }
        grid.setItems(classes.stored(actors.actor()));
        return grid;
    }

    private static String millis(Duration time) {
        return time.isZero() ? "–" : time.toMillis() + " ms";
    }

    private void serviceClass(@Nullable ServiceClass known) {
        ServiceClass old = known == null ? ServiceClass.STANDARD : known;
        Dialog dialog = new Dialog(known == null ? "Add class" : "Change " + old.name());
        TextField name = field("Name", "", known == null ? "" : old.name());
        name.setReadOnly(known != null);
        IntegerField order = integer("Order: 0 is served first", old.order());
        IntegerField ttft = integer(
                "First token within, in ms; 0 for no target", (int) old.ttft().toMillis());
        IntegerField tpot = integer("Each token after within, in ms; 0 for no target", (int)
                old.tpot().toMillis());
        NumberField weight = new NumberField("Weight", old.weight(), e -> {});
        IntegerField queue = integer("Waits beyond a limit, in s; 0 is refused", (int)
                old.queueTime().toSeconds());
        Button save = primary("Save", () -> {
            if (attempt(() -> classes.set(
                    new ServiceClass(
                            name.getValue().strip(),
                            within(order),
                            Duration.ofMillis(number(ttft)),
                            Duration.ofMillis(number(tpot)),
                            old.percentile(),
                            weight.getValue() == null || weight.getValue() <= 0 ? old.weight() : weight.getValue(),
                            old.queueLength(),
                            Duration.ofSeconds(number(queue)),
                            old.preemptible()),
                    actors.actor()))) {
                dialog.close();
                done("Saved.");
                refresh();
            }
        });
        open(dialog, save, name, order, ttft, tpot, weight, queue);
    }

    private static IntegerField integer(String label, int value) {
        IntegerField field = new IntegerField(label);
        field.setValue(value);
        field.setMin(0);
        field.setWidthFull();
        return field;
    }

    private static int number(IntegerField field) {
        Integer value = field.getValue();
        if (value == null || value < 0) {
            throw new InvalidRequestException("number", "'" + field.getLabel() + "' needs a number of at least 0.");
        }
        return value;
    }

    private static int within(IntegerField order) {
        if (number(order) > 15) {
            throw new InvalidRequestException("order", "The order is from 0 to 15.");
        }
        return number(order);
    }

    private Grid<Deployment> priceGrid() {
        Map<String, Price> prices = limits.prices(actors.actor());
        Grid<Deployment> grid = grid(empty("Nothing is deployed", "A deployment's price is set here."));
        grid.addColumn(Deployment::name)
                .setHeader("Deployment")
                .setAutoWidth(true)
                .setFlexGrow(2);
        grid.addColumn(d -> money(prices.getOrDefault(d.name(), Price.FREE).prompt()))
                .setHeader("Prompt")
                .setAutoWidth(true);
        grid.addColumn(d -> money(prices.getOrDefault(d.name(), Price.FREE).cached()))
                .setHeader("Cached")
                .setAutoWidth(true);
        grid.addColumn(d -> money(prices.getOrDefault(d.name(), Price.FREE).completion()))
                .setHeader("Answer")
                .setAutoWidth(true);
        if (changes()) {
            grid.addComponentColumn(d -> {
                        Button change = small("Change", () -> price(d, prices.getOrDefault(d.name(), Price.FREE)));
                        change.setAriaLabel("Change the price of " + d.name());
                        return change;
                    })
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0);
        }
        grid.setItems(catalog.deployments(actors.actor()));
        return grid;
    }

    private Div platformPanel() {
        PlatformSettings now = platform.settings(actors.actor());
        return panel(
                "Now",
                new Paragraph(
                        now.retentionDays() == 0
                                ? "Each request's row of usage is kept for ever."
                                : "Each request's row of usage is kept for " + now.retentionDays()
                                        + " days; sums by day stay."),
                new Paragraph(
                        now.webhooks().isEmpty()
                                ? "Nobody is told of alarms."
                                : "Told of alarms: " + String.join(", ", now.webhooks()) + "."));
    }

    private void platform() {
        PlatformSettings now = platform.settings(actors.actor());
        Dialog dialog = new Dialog("Retention and webhooks");
        IntegerField days =
                integer("Days that rows of usage are kept: 0 is for ever, otherwise at least 32", now.retentionDays());
        TextArea webhooks = new TextArea("Webhooks");
        webhooks.setHelperText("Addresses that are told of alarms, one a line.");
        webhooks.setValue(String.join("\n", now.webhooks()));
        webhooks.setWidthFull();
        PasswordField secret = new PasswordField("Secret that they are signed with");
        secret.setHelperText("Empty keeps the one there is.");
        secret.setWidthFull();
        Button save = primary("Save", () -> {
            List<String> addresses = webhooks.getValue()
                    .lines()
                    .map(String::strip)
                    .filter(l -> !l.isEmpty())
                    .toList();
            if (attempt(() -> platform.set(
                    new PlatformSettings(number(days), addresses),
                    secret.isEmpty() ? null : secret.getValue(),
                    actors.actor()))) {
                dialog.close();
                done("Saved.");
                refresh();
            }
        });
        open(dialog, save, days, webhooks, secret);
    }

    private void price(Deployment deployment, Price old) {
        Dialog dialog = new Dialog("Price of " + deployment.name());
        NumberField prompt = new NumberField("Prompt", old.prompt() / MILLION, e -> {});
        NumberField cached = new NumberField("Cached prompt", old.cached() / MILLION, e -> {});
        NumberField completion = new NumberField("Answer", old.completion() / MILLION, e -> {});
        Button save = primary("Save", () -> {
            if (Arrays.asList(prompt.getValue(), cached.getValue(), completion.getValue())
                    .contains(null)) {
                failed("A price is a number in each field; 0 is free.");
            } else if (attempt(() -> limits.setPrice(
                    deployment.name(),
                    new Price(
                            Math.round(prompt.getValue() * MILLION),
                            Math.round(cached.getValue() * MILLION),
                            Math.round(completion.getValue() * MILLION)),
                    actors.actor()))) {
                dialog.close();
                done("Saved.");
                refresh();
            }
        });
        open(dialog, save, prompt, cached, completion);
    }
}
