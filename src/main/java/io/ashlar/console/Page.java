package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.UIDetachedException;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.button.ButtonVariant;
import com.vaadin.flow.component.confirmdialog.ConfirmDialog;
import com.vaadin.flow.component.datepicker.DatePicker;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H1;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Header;
import com.vaadin.flow.component.html.Main;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.notification.Notification;
import com.vaadin.flow.component.notification.NotificationVariant;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.value.ValueChangeMode;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.NotPermittedException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A page of the console: a heading with its actions, and what follows. */
abstract class Page extends Main {
    private static final long serialVersionUID = 1;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("d MMM yyyy, HH:mm 'UTC'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    private static final DateTimeFormatter EXACT = DateTimeFormatter.ofPattern(
                    "d MMM yyyy, HH:mm:ss 'UTC'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);

    private static final DateTimeFormatter MOMENT =
            DateTimeFormatter.ofPattern("HH:mm:ss 'UTC'", Locale.ENGLISH).withZone(ZoneOffset.UTC);

    Page(String title, Component... actions) {
        addClassName("page");
        Div buttons = new Div(actions);
        buttons.addClassName("actions");
        Header header = new Header(new H1(title), buttons);
        header.addClassName("page-head");
        add(header);
    }

    static Button primary(String text, Runnable action) {
        Button button = new Button(text, e -> action.run());
        button.addThemeVariants(ButtonVariant.LUMO_PRIMARY);
        return button;
    }

    static Button small(String text, Runnable action) {
        Button button = new Button(text, e -> action.run());
        button.addThemeVariants(ButtonVariant.LUMO_TERTIARY, ButtonVariant.LUMO_SMALL);
        return button;
    }

    /** A word with a colour: {@code good}, {@code warn}, {@code bad} or {@code quiet}. */
    static Span badge(String text, String tone) {
        Span badge = new Span(text);
        badge.addClassNames("badge", tone);
        return badge;
    }

    /** What a page shows where there is nothing yet. */
    static Div empty(String title, String text, Component... actions) {
        Div empty = new Div(new H2(title), new Paragraph(text));
        empty.addClassName("empty");
        empty.add(actions);
        return empty;
    }

    /** A field that narrows what is shown, as it is typed into. */
    static TextField filter(String what, Runnable changed) {
        TextField field = new TextField();
        field.setAriaLabel(what);
        field.setPlaceholder(what);
        field.setClearButtonVisible(true);
        field.setValueChangeMode(ValueChangeMode.LAZY);
        field.addValueChangeListener(e -> changed.run());
        return field;
    }

    /** A field for a day, written as all days are here, whatever the browser's country. */
    static DatePicker day(String label) {
        DatePicker.DatePickerI18n words = new DatePicker.DatePickerI18n();
        words.setDateFormats("d MMM yyyy", "yyyy-MM-dd");
        DatePicker field = new DatePicker(label);
        field.setI18n(words);
        return field;
    }

    /** A part of a page with a heading of its own. */
    static Div panel(String title, Component... content) {
        Div panel = new Div(new H2(title));
        panel.addClassName("panel");
        panel.add(content);
        return panel;
    }

    /** A part of a whole as a bar with its number. */
    static Div bar(String name, double part, String number) {
        Div fill = new Div();
        fill.addClassName("fill");
        fill.getStyle().set("width", Math.min(100, Math.max(0, 100 * part)) + "%");
        Div track = new Div(fill);
        track.addClassName("track");
        Span figure = new Span(number);
        figure.addClassName("number");
        Div row = new Div(new Span(name), track, figure);
        row.addClassName("bar-row");
        return row;
    }

    static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** Millionths of the currency as people read money. */
    static String money(long millionths) {
        return String.format(Locale.ROOT, "%,.2f", millionths / 1e6);
    }

    static String percent(@Nullable Double percent) {
        return percent == null ? "–" : String.format(Locale.ROOT, "%.1f %%", percent);
    }

    static String time(Instant instant) {
        return TIME.format(instant);
    }

    /** To the second, for what is looked at one by one. */
    static String exact(Instant instant) {
        return EXACT.format(instant);
    }

    /** To the second, for what goes on now. */
    static String moment(Instant instant) {
        return MOMENT.format(instant);
    }

    /** Shows something that came by itself; where the page is gone by then, nothing. */
    static void push(UI ui, Runnable show) {
        try {
            ui.access(show::run);
        } catch (UIDetachedException e) {
            // Nobody looks any more.
        }
    }

    static void done(String text) {
        Notification.show(text, 4000, Notification.Position.BOTTOM_START)
                .addThemeVariants(NotificationVariant.LUMO_SUCCESS);
    }

    static void failed(String text) {
        Notification.show(text, 8000, Notification.Position.BOTTOM_START)
                .addThemeVariants(NotificationVariant.LUMO_ERROR);
    }

    /** Asks before something that is refused or lost by it. */
    static void confirm(String question, String consequence, String verb, Runnable action) {
        ConfirmDialog dialog = new ConfirmDialog();
        dialog.setHeader(question);
        dialog.setText(consequence);
        dialog.setCancelable(true);
        dialog.setConfirmText(verb);
        dialog.setConfirmButtonTheme("error primary");
        dialog.addConfirmListener(e -> action.run());
        dialog.open();
    }

    /** Runs an action; what the services refuse, or a database that is away, is told and not thrown. */
    static boolean attempt(Runnable action) {
        try {
            action.run();
            return true;
        } catch (InvalidRequestException | NotPermittedException e) {
            failed(String.valueOf(e.getMessage()));
        } catch (org.springframework.dao.DataAccessException | org.springframework.transaction.TransactionException e) {
            System.getLogger(Page.class.getName()).log(System.Logger.Level.WARNING, "an action failed", e);
            failed("The database does not answer. Nothing was changed; try again in a moment.");
        }
        return false;
    }
}
