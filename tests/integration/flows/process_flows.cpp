// SPDX-License-Identifier: LicenseRef-z360-proprietary
int restart_flows_placeholder();
