-- Messages of before keep the check of alert_deliveries too.

ALTER TABLE alert_deliveries VALIDATE CONSTRAINT alert_deliveries_channel_check;
