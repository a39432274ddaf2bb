package io.ashlar.console;

import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.button.ButtonVariant;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H1;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Main;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.dom.Element;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.server.VaadinServletRequest;
import com.vaadin.flow.server.auth.AnonymousAllowed;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.security.web.csrf.CsrfToken;

/** The sign-in: with a provider, or with a password. */
@Route(value = "login", autoLayout = false)
@PageTitle("Sign in · Ashlar")
@AnonymousAllowed
public class LoginView extends Main implements BeforeEnterObserver {
    private static final long serialVersionUID = 1;

    private final Div error = new Div();

    public LoginView(SignInProviders providers) {
        addClassName("login");
        error.addClassName("alarm");
        error.getElement().setAttribute("role", "alert");
        error.setVisible(false);
        Div card = new Div(
                new H1("Ashlar"),
                new Paragraph("Language models for many tenants, from shared hardware."),
                new H2("Sign in"),
                error);
        card.addClassName("login-card");
        List<SignInProvider> enabled = new TreeMap<>(providers.known())
                .values().stream()
                        .map(SignInProviders.Known::provider)
                        .filter(SignInProvider::enabled)
                        .toList();
        for (SignInProvider provider : enabled) {
            Anchor button = new Anchor("oauth2/authorization/" + provider.name(), "Sign in with " + provider.title());
            button.setRouterIgnore(true);
            button.addClassName("provider");
            card.add(button);
        }
        if (!enabled.isEmpty()) {
            Paragraph or = new Paragraph("or with a password of Ashlar's own");
            or.addClassName("or");
            card.add(or);
        }
        card.getElement().appendChild(form());
        add(card);
    }

    /** A form that the browser sends itself, so that password managers know it. */
    private static Element form() {
        TextField login = new TextField("User name");
        login.getElement().setAttribute("name", "username");
        login.getElement().setAttribute("autocomplete", "username");
        login.setRequired(true);
        PasswordField password = new PasswordField("Password");
        password.getElement().setAttribute("name", "password");
        password.getElement().setAttribute("autocomplete", "current-password");
        password.setRequired(true);
        TextField code = new TextField("One-time code");
        code.setHelperText("Only where you have set up an authenticator app.");
        code.getElement().setAttribute("name", "code");
        code.getElement().setAttribute("autocomplete", "one-time-code");
        code.getElement().setAttribute("inputmode", "numeric");
        Button send = new Button("Sign in");
        send.addThemeVariants(ButtonVariant.LUMO_PRIMARY);
        Element form = new Element("form");
        form.setAttribute("method", "post");
        form.setAttribute("action", "login");
        CsrfToken token = token();
        if (token != null) {
            Element hidden = new Element("input");
            hidden.setAttribute("type", "hidden");
            hidden.setAttribute("name", token.getParameterName());
            hidden.setAttribute("value", token.getToken());
            form.appendChild(hidden);
        }
        form.appendChild(login.getElement(), password.getElement(), code.getElement(), send.getElement());
        // Neither Enter in a field nor a click on Vaadin's button sends a form by itself.
        send.getElement().executeJs("this.addEventListener('click', () => this.closest('form').requestSubmit())");
        form.executeJs("this.addEventListener('keydown', e => { if (e.key === 'Enter' && e.target.tagName === 'INPUT')"
                + " { e.preventDefault(); this.requestSubmit(); } })");
        return form;
    }

    private static @Nullable CsrfToken token() {
        VaadinServletRequest request = VaadinServletRequest.getCurrent();
        return request != null
                        && request.getHttpServletRequest().getAttribute(CsrfToken.class.getName())
                                instanceof CsrfToken token
                ? token
                : null;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        Map<String, List<String>> asked =
                event.getLocation().getQueryParameters().getParameters();
        String text = asked.containsKey("error")
                ? "That did not work. User name, password or code is wrong, or the account is locked for a quarter of an hour"
                        + " after five wrong tries. The first administrator's are in first-start.txt in the data folder."
                : asked.containsKey("ended")
                        ? "Your session has ended. Sign in again."
                        : refusal(asked.getOrDefault("refused", List.of("")).getFirst());
        error.setText(text);
        error.setVisible(!text.isEmpty());
    }

    private static String refusal(String code) {
        return switch (code) {
            case "" -> "";
            case ProviderUsers.NO_ROLE ->
                "You are known to your provider, but have no role in Ashlar. Ask your administrator for one.";
            case ProviderUsers.DISABLED -> "Your account is disabled in Ashlar. Ask your administrator.";
            default -> "The provider did not let you in, or does not answer. Try again, or ask your administrator.";
        };
    }
}
