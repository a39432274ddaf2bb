package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextArea;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who vouches for people. */
final class ProviderSection extends SettingsSection {
    private static final long serialVersionUID = 1;

    private final transient SignInProviders providers;

    ProviderSection(SignInProviders providers, ConsoleActors actors) {
        super("Sign-in", actors);
        this.providers = providers;
        action("Add provider", () -> ask(null));
        show();
    }

    @Override
    Component content() {
        Grid<SignInProvider> grid = grid(Page.empty(
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
        grid.addComponentColumn(p -> p.enabled() ? Page.badge("Enabled", "good") : Page.badge("Disabled", "warn"))
                .setHeader("State")
                .setAutoWidth(true);
        grid.addComponentColumn(this::actions)
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFlexGrow(0);
        grid.setItems(providers.all(actor()));
        return grid;
    }

    private Component actions(SignInProvider p) {
        if (p.fixed() || !changes()) {
            return new Span(p.fixed() ? "set in the configuration" : "");
        }
        return row(
                p.name(),
                Page.small("Change", () -> ask(p)),
                Page.small(
                        "Remove",
                        () -> Page.confirm(
                                "Remove " + p.name() + "?",
                                "Its people stay members, and cannot sign in.",
                                "Remove",
                                () -> remove(p))));
    }

    private void remove(SignInProvider p) {
        if (Page.attempt(() -> providers.remove(p.name(), actor()))) {
            saved("Removed " + p.name() + ".");
        }
    }

    private void ask(@Nullable SignInProvider known) {
        SignInProvider old = known == null
                ? new SignInProvider(
                        "", "", "", "", List.of("profile", "email"), "preferred_username", null, List.of(), true, false)
                : known;
        TextField name = FieldDialog.text("Name", "In addresses: small letters, digits, hyphens.", old.name());
        name.setReadOnly(known != null);
        TextField title = FieldDialog.text("Title", "On the sign-in button.", old.title());
        TextField issuer = FieldDialog.text("Issuer", "Such as https://login.example.org/realms/main.", old.issuer());
        TextField client = FieldDialog.text("Client id", "", old.clientId());
        PasswordField secret = new PasswordField("Client secret");
        secret.setHelperText(known == null ? "Empty for a public client." : "Empty keeps the one there is.");
        secret.getElement().setAttribute("autocomplete", "new-password");
        TextField scopes = FieldDialog.text("Scopes", "Asked for beside openid.", String.join(" ", old.scopes()));
        TextField login = FieldDialog.text("User name", "The claim that becomes it.", old.loginClaim());
        TextField audience = FieldDialog.text(
                "Audience of access tokens",
                "What they must be made for, to open the API. Empty: they open no door.",
                old.audience() == null ? "" : old.audience());
        TextArea rules = new TextArea("Rules");
        rules.setHelperText(
                "One a line: claim = value : role, or claim = value : role @ tenant. The first that fits holds.");
        rules.setValue(ProviderRules.text(old.rules()));
        Checkbox enabled = new Checkbox("Enabled", old.enabled());
        Span redirect = new Span("Tell the provider this address for redirects: …/login/oauth2/code/NAME");
        redirect.addClassName("zoo-note");
        new FieldDialog(known == null ? "Add provider" : "Change " + old.name())
                .half("name", name)
                .half("title", title)
                .field("issuer", issuer)
                .half("client_id", client)
                .half("client_secret", secret)
                .half("scopes", scopes)
                .half("login_claim", login)
                .field("audience", audience)
                .field("rules", rules)
                .with(enabled)
                .with(redirect)
                .open("Save", () -> {
                    String called = name.getValue().strip();
                    SignInProvider set = new SignInProvider(
                            called,
                            title.isEmpty() ? called : title.getValue().strip(),
                            issuer.getValue().strip(),
                            client.getValue().strip(),
                            Arrays.stream(scopes.getValue().split("[\\s,]+"))
                                    .filter(scope -> !scope.isEmpty())
                                    .toList(),
                            login.isEmpty()
                                    ? old.loginClaim()
                                    : login.getValue().strip(),
                            audience.isEmpty() ? null : audience.getValue().strip(),
                            ProviderRules.parse(rules.getValue()),
                            enabled.getValue(),
                            false);
                    providers.set(set, secret.isEmpty() ? null : secret.getValue(), actor());
                    saved("Saved; it holds at once.");
                });
    }
}
