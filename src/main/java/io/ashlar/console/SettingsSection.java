package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;

/** A part of the settings: a heading, what can be done, and what is set, read again after every change. */
abstract class SettingsSection extends Div {
    private static final long serialVersionUID = 1;

    private final transient ConsoleActors actors;
    private final Div head;
    private final Div content = new Div();

    SettingsSection(String title, ConsoleActors actors) {
        this.actors = actors;
        head = new Div(new H2(title));
        head.addClassName("tools");
        add(head, content);
    }

    /** What is set now. */
    abstract Component content();

    /** A button beside the heading, for those who may change settings. */
    final void action(String text, Runnable action) {
        if (changes()) {
            head.add(new Button(text, e -> action.run()));
        }
    }

    final Actor actor() {
        return actors.actor();
    }

    final boolean changes() {
        return actor().may(Permission.CHANGE_PLATFORM);
    }

    final void show() {
        Page.attempt(() -> {
            Component now = content();
            content.removeAll();
            content.add(now);
        });
    }

    /** Says that a change was kept, and shows it. */
    final void saved(String told) {
        Page.done(told);
        show();
    }

    static <T> Grid<T> grid(Component emptyState) {
        Grid<T> grid = new Grid<>();
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(emptyState);
        return grid;
    }

    /** Buttons of a row; each is named after what it is for, since all rows have the same words. */
    static Div row(String subject, Button... buttons) {
        Div row = new Div(buttons);
        row.addClassName("row-actions");
        for (Button button : buttons) {
            button.setAriaLabel(button.getText() + " " + subject);
        }
        return row;
    }
}
