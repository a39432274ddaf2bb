package io.ashlar.console;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H1;
import com.vaadin.flow.component.html.Main;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.login.LoginForm;
import com.vaadin.flow.component.login.LoginI18n;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import com.vaadin.flow.server.auth.AnonymousAllowed;

/** The sign-in. */
@Route(value = "login", autoLayout = false)
@PageTitle("Sign in · Ashlar")
@AnonymousAllowed
public class LoginView extends Main implements BeforeEnterObserver {
    private static final long serialVersionUID = 1;

    private final LoginForm form = new LoginForm();

    public LoginView() {
        addClassName("login");
        LoginI18n texts = LoginI18n.createDefault();
        LoginI18n.Form labels = texts.getForm();
        labels.setTitle("Sign in");
        labels.setUsername("User name");
        labels.setPassword("Password");
        labels.setSubmit("Sign in");
        texts.getErrorMessage().setTitle("That did not work");
        texts.getErrorMessage()
                .setMessage(
                        "User name or password is wrong. The first administrator's are in first-start.txt in the data folder.");
        form.setI18n(texts);
        form.setAction("login");
        form.setForgotPasswordButtonVisible(false);
        Div card = new Div(
                new H1("Ashlar"), new Paragraph("Language models for many tenants, from shared hardware."), form);
        card.addClassName("login-card");
        add(card);
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        form.setError(event.getLocation().getQueryParameters().getParameters().containsKey("error"));
    }
}
