package io.ashlar.console;

import com.vaadin.flow.component.html.Span;
import io.ashlar.serving.Served;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.serving.UpstreamHealth;
import org.jspecify.annotations.Nullable;

/**
 * How a deployment is, in a word with a colour and a reason to hover over.
 *
 * @param why empty where the word says all
 */
record ServedState(String word, String tone, String why) {
    /**
     * @param served null where it does not run
     * @param failure why it could not be started; null where it could
     */
    static ServedState of(@Nullable Served served, @Nullable String failure) {
        if (failure != null) {
            return new ServedState("Failed", "bad", failure);
        }
        if (served == null) {
            return new ServedState("Starting", "warn", "");
        }
        if (served.draining()) {
            return new ServedState("Draining", "warn", "It takes no new requests.");
        }
        return switch (served) {
            case ServedModel model ->
                switch (model.readiness()) {
                    case READY -> new ServedState("Serving", "good", "");
                    case LOADING -> new ServedState("Loading", "warn", "");
                    case ASLEEP -> new ServedState("On disk", "quiet", "It loads at the first request for it.");
                };
            case ServedUpstream upstream -> of(upstream.health());
        };
    }

    private static ServedState of(UpstreamHealth health) {
        return switch (health.state()) {
            case UP ->
                new ServedState(
                        "Serving", "good", "It answered in " + health.took().toMillis() + " ms.");
            case DOWN -> new ServedState("Down", "bad", health.text());
            case UNKNOWN -> new ServedState("Asking", "warn", "Whether it answers is not known yet.");
        };
    }

    Span badge() {
        Span badge = Page.badge(word, tone);
        if (!why.isEmpty()) {
            badge.setTitle(why);
        }
        return badge;
    }
}
