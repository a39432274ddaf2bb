package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.Focusable;
import com.vaadin.flow.component.HasValidation;
import com.vaadin.flow.component.HasValue;
import com.vaadin.flow.component.Key;
import com.vaadin.flow.component.KeyNotifier;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.TextArea;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.value.HasValueChangeMode;
import com.vaadin.flow.data.value.ValueChangeMode;
import io.ashlar.access.InvalidRequestException;
import java.util.LinkedHashMap;
import java.util.Map;

/** A dialog of fields. What is refused is told at the field that it is about, and the dialog stays. */
final class FieldDialog {
    private final Dialog dialog;
    private final Div form = new Div();
    private final Map<String, HasValidation> fields = new LinkedHashMap<>();
    private Runnable enter = () -> {};

    FieldDialog(String title) {
        dialog = new Dialog(title);
        form.addClassName("form");
        dialog.add(form);
        dialog.setWidth("34rem");
    }

    /** @param named as the services name it when they refuse what it holds */
    <T extends Component & HasValidation> FieldDialog field(String named, T field) {
        fields.put(named, field);
        form.add(field);
        if (field instanceof HasValueChangeMode written
                && field instanceof KeyNotifier keys
                && !(field instanceof TextArea)) {
            written.setValueChangeMode(ValueChangeMode.EAGER); // so that Enter finds what was written
            keys.addKeyPressListener(Key.ENTER, e -> enter.run());
        }
        return this;
    }

    /** Beside the next one where there is room. */
    <T extends Component & HasValidation> FieldDialog half(String named, T field) {
        field.addClassName("half");
        return field(named, field);
    }

    /** What nothing can be wrong with. */
    FieldDialog with(Component component) {
        form.add(component);
        return this;
    }

    /**
     * Shows it. Enter in a field saves too, but for those of many lines.
     *
     * @param save closes the dialog, unless it throws
     */
    void open(String verb, Runnable save) {
        enter = () -> Page.attempt(() -> save(save));
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), Page.primary(verb, () -> enter.run()));
        dialog.open();
        fields.values().stream()
                .filter(f -> f instanceof Focusable<?>
                        && ((Component) f).isVisible()
                        && !(f instanceof HasValue<?, ?> value && value.isReadOnly()))
                .findFirst()
                .ifPresent(f -> ((Focusable<?>) f).focus());
    }

    private void save(Runnable save) {
        fields.values().forEach(f -> f.setInvalid(false));
        try {
            save.run();
            dialog.close();
        } catch (InvalidRequestException e) {
            HasValidation wrong = fields.get(e.field());
            if (wrong == null) {
                throw e;
            }
            wrong.setErrorMessage(e.getMessage());
            wrong.setInvalid(true);
        }
    }

    static TextField text(String label, String help, String value) {
        TextField field = new TextField(label);
        field.setHelperText(help);
        field.setValue(value);
        return field;
    }

    static IntegerField whole(String label, String help, int value) {
        IntegerField field = new IntegerField(label);
        field.setHelperText(help);
        field.setValue(value);
        field.setMin(0);
        return field;
    }

    static NumberField number(String label, String help, double value) {
        NumberField field = new NumberField(label);
        field.setHelperText(help);
        field.setValue(value);
        field.setMin(0);
        return field;
    }

    /** @throws InvalidRequestException where it holds no number, or one out of the bounds, both included */
    static int value(String named, IntegerField field, int least, int most) {
        Integer value = field.getValue();
        if (value == null || value < least || value > most) {
            throw new InvalidRequestException(
                    named, String.format(java.util.Locale.ROOT, "A whole number from %,d to %,d.", least, most));
        }
        return value;
    }

    /** @throws InvalidRequestException where it holds no number, or one below zero */
    static double value(String named, NumberField field) {
        Double value = field.getValue();
        if (value == null || value < 0) {
            throw new InvalidRequestException(named, "A number of at least 0.");
        }
        return value;
    }
}
