package io.ashlar.console;

import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Asks for what is to be known of another server. */
final class UpstreamDialog {
    private static final int USUAL_CONTEXT = 32_768;

    /** Takes what was said. */
    @FunctionalInterface
    interface Taker {
        /** @param key null leaves it as it is */
        void take(String name, Upstream upstream, @Nullable String key);
    }

    private final Dialog dialog;
    private final TextField name = new TextField("Name");
    private final TextField url = new TextField("Address of its API");
    private final TextField model = new TextField("What it calls the model");
    private final PasswordField key = new PasswordField("Key that it wants");
    private final IntegerField context = new IntegerField("Context in tokens");
    private final IntegerField most = new IntegerField("Requests at a time");

    private UpstreamDialog(String title) {
        dialog = new Dialog(title);
        name.setHelperText("What callers say as 'model'.");
        url.setPlaceholder("http://host:8000/v1");
        url.setHelperText("A server that speaks the OpenAI API: vLLM, SGLang, llama.cpp.");
        key.setRevealButtonVisible(false);
        key.getElement().setAttribute("autocomplete", "new-password");
        most.setHelperText("Others wait here, each tenant in a line of its own.");
        context.setValue(USUAL_CONTEXT);
        most.setValue(Upstream.USUALLY_MOST);
        VerticalLayout form = new VerticalLayout(name, url, model, key, context, most);
        form.setPadding(false);
        form.getChildren().forEach(c -> c.getElement().getStyle().set("width", "100%"));
        dialog.add(form);
        dialog.setWidth("30rem");
    }

    static void create(Taker taker) {
        UpstreamDialog asks = new UpstreamDialog("Add upstream");
        asks.open("Add", taker);
    }

    static void change(Deployment d, Taker taker) {
        Upstream upstream = Objects.requireNonNull(d.upstream());
        UpstreamDialog asks = new UpstreamDialog("Change " + d.name());
        asks.name.setValue(d.name());
        asks.name.setVisible(false);
        asks.url.setValue(upstream.url());
        asks.model.setValue(upstream.model());
        asks.context.setValue(upstream.context());
        asks.most.setValue(upstream.most());
        asks.key.setHelperText("Empty leaves the key as it is.");
        asks.open("Save", taker);
    }

    private void open(String verb, Taker taker) {
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), Page.primary(verb, () -> save(taker)));
        dialog.open();
    }

    private void save(Taker taker) {
        Map<String, com.vaadin.flow.component.HasValidation> fields = Map.of(
                "name",
                name,
                "upstream.url",
                url,
                "upstream.model",
                model,
                "upstream.context",
                context,
                "upstream.most",
                most);
        List.of(name, url, model).forEach(f -> f.setInvalid(false));
        List.of(context, most).forEach(f -> f.setInvalid(false));
        try {
            Upstream upstream = Upstream.checked(
                    url.getValue(),
                    model.getValue(),
                    Objects.requireNonNullElse(context.getValue(), 0),
                    Objects.requireNonNullElse(most.getValue(), 0));
            String text = key.getValue();
            taker.take(name.getValue().strip(), upstream, text.isBlank() ? null : text);
            dialog.close();
        } catch (InvalidRequestException e) {
            com.vaadin.flow.component.HasValidation wrong = fields.getOrDefault(e.field(), name);
            wrong.setErrorMessage(e.getMessage());
            wrong.setInvalid(true);
        }
    }
}
