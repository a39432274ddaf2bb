package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Paragraph;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextArea;
import io.ashlar.platform.Platform;
import io.ashlar.platform.PlatformSettings;
import java.util.List;

/** How long rows of usage are kept, and who is told of alarms. */
final class PlatformSection extends SettingsSection {
    private static final long serialVersionUID = 1;

    private final transient Platform platform;

    PlatformSection(Platform platform, ConsoleActors actors) {
        super("Retention and webhooks", actors);
        this.platform = platform;
        action("Change", this::ask);
        show();
    }

    @Override
    Component content() {
        PlatformSettings now = platform.settings(actor());
        return Page.panel(
                "Now",
                new Paragraph(
                        now.retentionDays() == 0
                                ? "Each request's row of usage is kept for ever."
                                : "Each request's row of usage is kept for " + now.retentionDays()
                                        + " days; sums by day stay."),
                new Paragraph(
                        now.webhooks().isEmpty()
                                ? "Nobody is told of alarms."
                                : "Told of alarms: " + String.join(", ", now.webhooks()) + "."));
    }

    private void ask() {
        PlatformSettings now = platform.settings(actor());
        IntegerField days = FieldDialog.whole(
                "Days that rows of usage are kept", "0 is for ever, otherwise at least 32.", now.retentionDays());
        TextArea webhooks = new TextArea("Webhooks");
        webhooks.setHelperText("Addresses that are told of alarms, one a line.");
        webhooks.setValue(String.join("\n", now.webhooks()));
        PasswordField secret = new PasswordField("Secret that they are signed with");
        secret.setHelperText("Empty keeps the one there is.");
        secret.getElement().setAttribute("autocomplete", "new-password");
        new FieldDialog("Retention and webhooks")
                .field("retention_days", days)
                .field("webhooks", webhooks)
                .field("webhook_secret", secret)
                .open("Save", () -> {
                    List<String> addresses = webhooks.getValue()
                            .lines()
                            .map(String::strip)
                            .filter(l -> !l.isEmpty())
                            .toList();
                    platform.set(
                            new PlatformSettings(
                                    FieldDialog.value("retention_days", days, 0, Integer.MAX_VALUE), addresses),
                            secret.isEmpty() ? null : secret.getValue(),
                            actor());
                    saved("Saved.");
                });
    }
}
