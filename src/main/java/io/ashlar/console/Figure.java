package io.ashlar.console;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Span;

/** A number with its name. */
final class Figure extends Div {
    private static final long serialVersionUID = 1;
    private final Span value = new Span("…");
    private final Span note = new Span();

    Figure(String name) {
        addClassName("figure");
        Span label = new Span(name);
        label.addClassName("figure-name");
        value.addClassName("figure-value");
        note.addClassName("figure-note");
        add(label, value, note);
    }

    void show(String text, String more) {
        value.setText(text);
        note.setText(more);
    }
}
