package io.ashlar.console;

import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Asks for what is to be known of another server. */
final class UpstreamDialog {
    private static final Upstream USUAL = new Upstream("", "", 32_768, Upstream.USUALLY_MOST);

    /** Takes what was said. */
    @FunctionalInterface
    interface Taker {
        /** @param key null leaves it as it is */
        void take(String name, Upstream upstream, @Nullable String key);
    }

    private UpstreamDialog() {}

    static void create(Taker taker) {
        open(null, USUAL, taker);
    }

    static void change(Deployment d, Taker taker) {
        open(d.name(), Objects.requireNonNull(d.upstream()), taker);
    }

    /** @param known the deployment's name where it is there already */
    private static void open(@Nullable String known, Upstream old, Taker taker) {
        TextField name = FieldDialog.text("Name", "What callers say as 'model'.", known == null ? "" : known);
        name.setVisible(known == null);
        TextField url = FieldDialog.text(
                "Address of its API", "A server that speaks the OpenAI API: vLLM, SGLang, llama.cpp.", old.url());
        url.setPlaceholder("http://host:8000/v1");
        TextField model = FieldDialog.text("What it calls the model", "", old.model());
        PasswordField key = new PasswordField("Key that it wants");
        key.setHelperText(known == null ? "Empty where it wants none." : "Empty leaves the key as it is.");
        key.setRevealButtonVisible(false);
        key.getElement().setAttribute("autocomplete", "new-password");
        IntegerField context = FieldDialog.whole("Context in tokens", "", old.context());
        IntegerField most = FieldDialog.whole(
                "Requests at a time", "Others wait here, each tenant in a line of its own.", old.most());
        new FieldDialog(known == null ? "Add upstream" : "Change " + known)
                .field("name", name)
                .field("upstream.url", url)
                .field("upstream.model", model)
                .field("upstream.key", key)
                .half("upstream.context", context)
                .half("upstream.most", most)
                .open(known == null ? "Add" : "Save", () -> {
                    Upstream upstream = Upstream.checked(
                            url.getValue(),
                            model.getValue(),
                            Objects.requireNonNullElse(context.getValue(), 0),
                            Objects.requireNonNullElse(most.getValue(), 0));
                    taker.take(name.getValue().strip(), upstream, key.isEmpty() ? null : key.getValue());
                });
    }
}
