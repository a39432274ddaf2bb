package io.ashlar.console;

import com.google.zxing.BarcodeFormat;
import com.google.zxing.WriterException;
import com.google.zxing.common.BitMatrix;
import com.google.zxing.qrcode.QRCodeWriter;
import com.vaadin.flow.component.Html;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.radiobutton.RadioButtonGroup;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.identity.ApiKey;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.PasswordSignIn;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.PermitAll;
import java.util.Locale;

/** One's own: theme, password, one-time codes, keys, sessions. */
@Route("profile")
@PageTitle("Profile · Ashlar")
@PermitAll
public class ProfileView extends Page {
    private static final long serialVersionUID = 1;

    private final transient Members members;
    private final transient PasswordSignIn signIn;
    private final transient ConsoleSessions sessions;
    private final transient ConsoleActors actors;
    private final transient ApiKeys keys;
    private final transient Tenants tenants;
    private final Grid<ConsoleSessions.Session> grid = new Grid<>();
    private final Grid<ApiKey> own = new Grid<>();

    public ProfileView(
            Members members,
            PasswordSignIn signIn,
            ConsoleSessions sessions,
            ApiKeys keys,
            Tenants tenants,
            ConsoleActors actors) {
        super("Profile");
        this.keys = keys;
        this.tenants = tenants;
        this.members = members;
        this.signIn = signIn;
        this.sessions = sessions;
        this.actors = actors;
        Member me = actors.member();
        Div facts = new Div(
                new Span(me.login()),
                badge(me.role().words(), "quiet"),
                new Span(me.tenantName() == null ? "of the platform" : "of " + me.tenantName()),
                new Span(me.provider() == null ? "signs in with a password" : "signs in with " + me.provider()));
        facts.addClassName("facts");
        Div panels = new Div(theme(me));
        panels.addClassName("panels");
        if (me.provider() == null) {
            panels.add(password(), codes(me));
        }
        grid.addColumn(s -> time(s.seen())).setHeader("Last seen").setAutoWidth(true);
        grid.addColumn(s -> time(s.begun())).setHeader("Begun").setAutoWidth(true);
        grid.addColumn(ConsoleSessions.Session::address).setHeader("From").setAutoWidth(true);
        grid.addColumn(ConsoleSessions.Session::browser).setHeader("Browser").setFlexGrow(2);
        grid.addComponentColumn(s -> small("End", () -> {
                    sessions.end(me.login(), s.id());
                    refresh(me);
                }))
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFlexGrow(0);
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        Div open = panel("Sessions", grid);
        Div made = keys();
        for (Div below : new Div[] {made, open}) {
            below.getStyle().set("margin-top", "0.75rem");
        }
        add(facts, panels, made, open);
        refresh(me);
    }

    private void refresh(Member me) {
        grid.setItems(sessions.of(me.login()));
        attempt(() -> own.setItems(keys.own(actors.actor())));
    }

    private Div keys() {
        own.addColumn(ApiKey::name).setHeader("Name").setFlexGrow(2).setAutoWidth(true);
        own.addColumn(ApiKey::tenant).setHeader("Tenant").setAutoWidth(true);
        own.addColumn(ApiKey::project).setHeader("Project").setAutoWidth(true);
        own.addComponentColumn(KeysView::prefix).setHeader("Key").setAutoWidth(true);
        own.addColumn(k -> k.expiresAt() == null ? "never" : time(k.expiresAt()))
                .setHeader("Expires")
                .setAutoWidth(true);
        own.addComponentColumn(k -> {
                    Button revoke = small("Revoke", () -> revoke(k));
                    revoke.setAriaLabel("Revoke " + k.name());
                    return revoke;
                })
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFlexGrow(0);
        own.setAllRowsVisible(true);
        own.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        own.setEmptyStateComponent(
                new Paragraph("You made no keys that work. Those of your tenant are on the page of API keys."));
        return panel("API keys that I made", own);
    }

    private void revoke(ApiKey key) {
        confirm(
                "Revoke " + key.name() + "?",
                "Requests with this key are refused from now on. This cannot be undone.",
                "Revoke",
                () -> {
                    Actor actor = actors.actor();
                    if (attempt(() ->
                            tenants.named(key.tenant(), actor).ifPresent(t -> keys.revoke(t.id(), key.id(), actor)))) {
                        done("Revoked " + key.name() + ".");
                        refresh(actors.member());
                    }
                });
    }

    private Div theme(Member me) {
        RadioButtonGroup<String> theme = new RadioButtonGroup<>("Theme");
        theme.setItems("system", "light", "dark");
        theme.setItemLabelGenerator(t -> t.substring(0, 1).toUpperCase(Locale.ROOT) + t.substring(1));
        theme.setValue(me.theme());
        theme.addValueChangeListener(e -> attempt(() -> {
            members.setTheme(e.getValue(), actors.actor());
            MainLayout.show(e.getValue());
        }));
        return panel("Look", theme);
    }

    private Div password() {
        PasswordField old = new PasswordField("Old password");
        old.setWidthFull();
        PasswordField chosen = new PasswordField("New password");
        chosen.setHelperText("At least 12 characters.");
        chosen.setWidthFull();
        Button save = new Button("Change password", e -> {
            if (attempt(() -> signIn.changePassword(old.getValue(), chosen.getValue(), actors.actor()))) {
                old.clear();
                chosen.clear();
                done("Changed the password.");
            }
        });
        return panel("Password", old, chosen, save);
    }

    private Div codes(Member me) {
        return panel(
                "One-time codes",
                new Paragraph(
                        me.oneTimeCodes()
                                ? "Signing in takes a code of your authenticator app."
                                : "An authenticator app's code at each sign-in keeps others out who know your password."),
                new Button(me.oneTimeCodes() ? "Set up another app" : "Set up an app", e -> enrol()));
    }

    private void enrol() {
        PasswordSignIn.Enrolment enrolment = signIn.enrol(actors.actor());
        Dialog dialog = new Dialog("Set up an authenticator app");
        Span secret = new Span(enrolment.secret());
        secret.addClassNames("code", "secret");
        TextField code = new TextField("The code that it shows");
        Button save = primary("Turn on", () -> {
            if (attempt(() -> signIn.confirm(enrolment, code.getValue(), actors.actor()))) {
                dialog.close();
                done("Signing in takes a code from now on.");
            }
        });
        dialog.add(
                new Paragraph("Scan this with the app, or type the secret into it."),
                picture(enrolment.uri()),
                secret,
                code);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.open();
    }

    /** A QR code as SVG. */
    private static Html picture(String text) {
        try {
            BitMatrix bits = new QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 0, 0);
            StringBuilder path = new StringBuilder();
            for (int y = 0; y < bits.getHeight(); y++) {
                for (int x = 0; x < bits.getWidth(); x++) {
                    if (bits.get(x, y)) {
                        path.append('M').append(x).append(' ').append(y).append("h1v1h-1z");
                    }
                }
            }
            return new Html(
                    "<svg xmlns='http://www.w3.org/2000/svg' role='img' aria-label='QR code' width='200' height='200'"
                            + " style='background:#fff' viewBox='0 0 " + bits.getWidth() + " " + bits.getHeight()
                            + "'><path d='"
                            + path + "'/></svg>");
        } catch (WriterException e) {
            throw new IllegalStateException(e);
        }
    }
}
